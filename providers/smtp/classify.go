package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// A verdict is what a failure means for the message, or for one recipient.
type verdict struct {
	outcome   mailer.Outcome
	scope     mailer.Scope
	temporary bool
	elsewhere bool
}

// The verdicts that occur. What is not listed as elsewhere stays with this provider.
var (
	accepted = verdict{outcome: mailer.Accepted}
	unknown  = verdict{outcome: mailer.Unknown, scope: mailer.ScopeProvider}

	callerFault = verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeCaller}

	providerDown    = refused(mailer.ScopeProvider, temporary, elsewhere)
	providerRefuses = refused(mailer.ScopeProvider, elsewhere)
	rateLimited     = refused(mailer.ScopeRate, temporary, elsewhere)
	accountRefused  = refused(mailer.ScopeAccount, elsewhere)
	accountForNow   = refused(mailer.ScopeAccount, temporary, elsewhere)
	senderRefused   = refused(mailer.ScopeSender, elsewhere)

	messageRefused = refused(mailer.ScopeMessage)
	messageUnfit   = refused(mailer.ScopeMessage, elsewhere) // for this provider
	messageForNow  = refused(mailer.ScopeMessage, temporary)

	recipientRefused = refused(mailer.ScopeRecipient)
	recipientForNow  = refused(mailer.ScopeRecipient, temporary)
	recipientTooMany = refused(mailer.ScopeRecipient, temporary, elsewhere)
)

type flag int

const (
	temporary flag = iota
	elsewhere
)

func refused(scope mailer.Scope, flags ...flag) verdict {
	v := verdict{outcome: mailer.NotAccepted, scope: scope}
	for _, f := range flags {
		v.temporary = v.temporary || f == temporary
		v.elsewhere = v.elsewhere || f == elsewhere
	}
	return v
}

// route is what is known about a route beside the failure at hand.
type route struct {
	worked bool // it has connected before
	port   int
}

// classify judges a conversation that ended before a reply to the content: by the
// stage it ended at, by the code of the reply that ended it, and above all by whether
// the last byte had been released.
func classify(e *smtpwire.Error, released bool, r route) verdict {
	switch {
	case released && !(e.Stage == smtpwire.StageMail && e.Reply.Refused()):
		return unanswered(e)
	case isContextError(e.Err), isOurs(e.Err):
		return callerFault
	case isMismatch(e.Err):
		return messageUnfit
	case e.Reply.Code != 0:
		return classifyReply(e.Stage, e.Reply)
	}
	switch e.Stage {
	case smtpwire.StageConnect:
		return classifyConnect(e.Err, r)
	case smtpwire.StageTLS, smtpwire.StageStartTLS:
		if isTLSPolicy(e) {
			return providerRefuses
		}
	case smtpwire.StageAuth:
		return classifyAuthError(e.Err)
	}
	return providerDown
}

// unanswered: everything was released, and nothing complete and understood came back.
func unanswered(e *smtpwire.Error) verdict {
	if isContextError(e.Err) || errors.Is(e.Err, errClosed) {
		return verdict{outcome: mailer.Unknown, scope: mailer.ScopeCaller}
	}
	return unknown
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isOurs: the message or its gate ended it, not the server.
func isOurs(err error) bool {
	return errors.Is(err, smtpwire.ErrSource) || errors.Is(err, smtpwire.ErrCancelled) || errors.Is(err, smtpwire.ErrArgument) ||
		errors.Is(err, eml.ErrSource) || errors.Is(err, mailer.ErrInvalidMessage) || errors.Is(err, errClosed)
}

// isMismatch: this server cannot carry the message, and was not asked to.
func isMismatch(err error) bool {
	return errors.Is(err, mailer.ErrUnsupported) || errors.Is(err, errTooLarge)
}

// isTLSPolicy reports whether the protection that is required could not be had, be
// it through the server's fault or an attacker's.
func isTLSPolicy(e *smtpwire.Error) bool {
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	return e.Stage == smtpwire.StageStartTLS && e.Reply.Code/100 == 5 ||
		errors.Is(e.Err, smtpwire.ErrNoStartTLS) || errors.Is(e.Err, smtpwire.ErrInjected) ||
		errors.As(e.Err, &certificate) || errors.As(e.Err, &authority)
}

func classifyConnect(err error, r route) verdict {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound && !r.worked:
		return accountRefused // the host is misspelt, most likely
	case r.port == 25 && !r.worked && errors.As(err, &timeout) && timeout.Timeout():
		return accountRefused // clouds drop what goes to port 25
	case errors.Is(err, errSaturated):
		return rateLimited
	case errors.Is(err, errNotLoopback):
		return accountRefused
	}
	return providerDown
}

func classifyAuthError(err error) verdict {
	switch {
	case errors.Is(err, errCredentials):
		return accountForNow
	case errors.Is(err, smtpwire.ErrNoAuth), errors.Is(err, errMechanism):
		return accountRefused
	}
	return providerDown
}

// isEOF: the connection ended, on either side.
func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed)
}

// classifyReply judges a refusal of a command other than RCPT, or of the content
// while it was still being sent.
func classifyReply(stage smtpwire.Stage, r smtpwire.Reply) verdict {
	switch stage {
	case smtpwire.StageGreeting, smtpwire.StageHello:
		return classifyGreeting(stage, r)
	case smtpwire.StageAuth:
		return classifyAuth(r)
	case smtpwire.StageMail:
		return classifyMail(r)
	case smtpwire.StageRcpt:
		return classifyRcpt(r, true)
	case smtpwire.StageData:
		return classifyData(r)
	case smtpwire.StageContent, smtpwire.StageReply:
		return classifyFinal(r)
	}
	if r.Code/100 == 4 {
		return providerDown
	}
	return providerRefuses
}

func classifyGreeting(stage smtpwire.Stage, r smtpwire.Reply) verdict {
	switch {
	case r.Code/100 == 4:
		return transient(r)
	case stage == smtpwire.StageHello && (r.Code == 550 || r.Code == 504):
		return accountRefused // the name we gave
	}
	return providerRefuses
}

// classifyAuth: RFC 4954 section 6. A refused password is never tried again, for
// accounts are locked by that.
func classifyAuth(r smtpwire.Reply) verdict {
	if r.Code/100 == 4 {
		return providerDown
	}
	return accountRefused
}

func classifyMail(r smtpwire.Reply) verdict {
	subject := subject(r.Enhanced)
	switch {
	case r.Code/100 == 4:
		return transient(r)
	case isSizeCode(r):
		return messageUnfit
	case r.Code == 530 || r.Code == 535 || isCredentialCode(r.Enhanced):
		return accountRefused
	case subject == "1" || subject == "7":
		return senderRefused
	case subject == "6":
		return messageUnfit // what it is made of, such as an extension that it needs
	case subject == "3" || subject == "4":
		return providerRefuses
	case r.Code >= 550 && r.Code <= 554:
		return senderRefused
	}
	return accountRefused // a parameter or syntax that this server calls wrong
}

// isTooMany: more recipients than the server takes in one transaction. Servers of RFC 821
// say 552 (RFC 5321 section 4.5.3.1.10).
func isTooMany(r smtpwire.Reply) bool {
	switch subject(r.Enhanced) {
	case "":
		return r.Code == 452 || r.Code == 552
	case "5":
		return r.Code == 452 || r.Enhanced == "4.5.3"
	}
	return false
}

// classifyRcpt judges the refusal of one recipient. all means that every recipient was refused.
func classifyRcpt(r smtpwire.Reply, all bool) verdict {
	subject := subject(r.Enhanced)
	switch {
	case r.Code == 421:
		return providerDown
	case isTooMany(r) && all && r.Code == 552:
		return recipientForNow // a full mailbox
	case isTooMany(r) && all:
		return rateLimited // fewer at once would not help
	case isTooMany(r):
		return recipientTooMany
	case r.Code/100 == 4 && subject == "3":
		return providerDown
	case r.Code/100 == 4:
		return recipientForNow
	case r.Code == 503:
		return providerRefuses
	case all && (subject == "7" || r.Code == 530 || r.Code == 535):
		return accountRefused
	}
	return recipientRefused
}

func classifyData(r smtpwire.Reply) verdict {
	switch {
	case r.Code/100 == 4:
		return transient(r)
	case isCredentialCode(r.Enhanced) || r.Code == 530:
		return accountRefused
	case r.Code == 554 || r.Code == 550 || r.Code == 552:
		return messageUnfit
	}
	return providerRefuses
}

// classifyFinal judges the reply to the content.
func classifyFinal(r smtpwire.Reply) verdict {
	switch {
	case r.OK():
		return accepted
	case !r.Refused():
		return unknown
	case r.Code/100 == 4 && subject(r.Enhanced) == "6":
		return messageForNow
	case r.Code/100 == 4:
		return transient(r)
	case isSizeCode(r):
		return messageUnfit
	case isCredentialCode(r.Enhanced) || r.Code == 530:
		return accountRefused
	case r.Enhanced == "5.1.7" || r.Enhanced == "5.1.8":
		return senderRefused
	case r.Code == 503:
		return providerRefuses // it has lost track of the conversation
	}
	return messageRefused
}

// transient tells a limit from trouble: RFC 3463 sections 3.6 and 3.8, and the codes
// that the large providers give when they throttle.
func transient(r smtpwire.Reply) verdict {
	switch {
	case r.Code == 432, r.Enhanced == "4.5.3", subject(r.Enhanced) == "7", r.Enhanced == "4.2.1":
		return rateLimited
	case (r.Code == 450 || r.Code == 452 || r.Code == 454) && subject(r.Enhanced) == "":
		return rateLimited
	}
	return providerDown
}

// isSizeCode: too big for the server (RFC 1870 section 6). 552 alone says so too.
func isSizeCode(r smtpwire.Reply) bool {
	return r.Enhanced == "5.3.4" || r.Enhanced == "5.2.3" || r.Code == 552 && r.Enhanced == ""
}

// isCredentialCode: authentication is what is missing, whatever the command was.
func isCredentialCode(enhanced string) bool {
	return enhanced == "5.7.8" || enhanced == "5.7.9" || enhanced == "5.7.57"
}

// subject returns the second number of a status code of RFC 3463.
func subject(enhanced string) string {
	_, rest, _ := strings.Cut(enhanced, ".")
	subject, _, _ := strings.Cut(rest, ".")
	return subject
}
