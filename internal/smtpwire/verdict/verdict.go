// Package verdict judges what an SMTP server replied: what it means for the message, whose
// fault it is, and who else may take it. It is the table of refusals that everything which
// speaks SMTP shares.
package verdict

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
)

// IsTLSPolicy reports whether the protection that is required could not be had, be
// it through the server's fault or an attacker's.
func IsTLSPolicy(e *smtpwire.Error) bool {
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	return e.Stage == smtpwire.StageStartTLS && e.Reply.Code/100 == 5 ||
		errors.Is(e.Err, smtpwire.ErrNoStartTLS) || errors.Is(e.Err, smtpwire.ErrInjected) ||
		errors.As(e.Err, &certificate) || errors.As(e.Err, &authority)
}

// Reply judges a refusal of a command other than RCPT, or of the content
// while it was still being sent.
func Reply(stage smtpwire.Stage, r smtpwire.Reply) ledger.Verdict {
	switch stage {
	case smtpwire.StageGreeting, smtpwire.StageHello:
		return greeting(stage, r)
	case smtpwire.StageAuth:
		return auth(r)
	case smtpwire.StageMail:
		return mail(r)
	case smtpwire.StageRcpt:
		return Rcpt(r, true)
	case smtpwire.StageData:
		return data(r)
	case smtpwire.StageContent, smtpwire.StageReply:
		return Final(r)
	}
	if r.Code/100 == 4 {
		return ledger.ProviderDown
	}
	return ledger.ProviderRefuses
}

func greeting(stage smtpwire.Stage, r smtpwire.Reply) ledger.Verdict {
	switch {
	case r.Code/100 == 4:
		return transient(r)
	case stage == smtpwire.StageHello && (r.Code == 550 || r.Code == 504):
		return ledger.AccountRefused // the name we gave
	}
	return ledger.ProviderRefuses
}

// auth: RFC 4954 section 6. A refused password is never tried again, for
// accounts are locked by that.
func auth(r smtpwire.Reply) ledger.Verdict {
	if r.Code/100 == 4 {
		return ledger.ProviderDown
	}
	return ledger.AccountRefused
}

func mail(r smtpwire.Reply) ledger.Verdict {
	subject := subject(r.Enhanced)
	switch {
	case r.Code/100 == 4:
		return transient(r)
	case isSizeCode(r):
		return ledger.MessageUnfit
	case r.Code == 530 || r.Code == 535 || isCredentialCode(r.Enhanced):
		return ledger.AccountRefused
	case subject == "1" || subject == "7":
		return ledger.SenderRefused
	case subject == "6":
		return ledger.MessageUnfit // what it is made of, such as an extension that it needs
	case subject == "3" || subject == "4":
		return ledger.ProviderRefuses
	case r.Code >= 550 && r.Code <= 554:
		return ledger.SenderRefused
	}
	return ledger.AccountRefused // a parameter or syntax that this server calls wrong
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

// Rcpt judges the refusal of one recipient. all means that every recipient was refused.
func Rcpt(r smtpwire.Reply, all bool) ledger.Verdict {
	subject := subject(r.Enhanced)
	switch {
	case r.Code == 421:
		return ledger.ProviderDown
	case isTooMany(r) && all && r.Code == 552:
		return ledger.RecipientForNow // a full mailbox
	case isTooMany(r) && all:
		return ledger.RateLimited // fewer at once would not help
	case isTooMany(r):
		return ledger.RecipientTooMany
	case r.Code/100 == 4 && subject == "3":
		return ledger.ProviderDown
	case r.Code/100 == 4:
		return ledger.RecipientForNow
	case r.Code == 503:
		return ledger.ProviderRefuses
	case all && (subject == "7" || r.Code == 530 || r.Code == 535):
		return ledger.AccountRefused
	}
	return ledger.RecipientRefused
}

func data(r smtpwire.Reply) ledger.Verdict {
	switch {
	case r.Code/100 == 4:
		return transient(r)
	case isCredentialCode(r.Enhanced) || r.Code == 530:
		return ledger.AccountRefused
	case r.Code == 554 || r.Code == 550 || r.Code == 552:
		return ledger.MessageUnfit
	}
	return ledger.ProviderRefuses
}

// Final judges the reply to the content.
func Final(r smtpwire.Reply) ledger.Verdict {
	switch {
	case r.OK():
		return ledger.Accepted
	case !r.Refused():
		return ledger.Unknown
	case r.Code/100 == 4 && subject(r.Enhanced) == "6":
		return ledger.MessageForNow
	case r.Code/100 == 4:
		return transient(r)
	case isSizeCode(r):
		return ledger.MessageUnfit
	case isCredentialCode(r.Enhanced) || r.Code == 530:
		return ledger.AccountRefused
	case r.Enhanced == "5.1.7" || r.Enhanced == "5.1.8":
		return ledger.SenderRefused
	case r.Code == 503:
		return ledger.ProviderRefuses // it has lost track of the conversation
	}
	return ledger.MessageRefused
}

// transient tells a limit from trouble: RFC 3463 sections 3.6 and 3.8, and the codes
// that the large providers give when they throttle.
func transient(r smtpwire.Reply) ledger.Verdict {
	switch {
	case r.Code == 432, r.Enhanced == "4.5.3", subject(r.Enhanced) == "7", r.Enhanced == "4.2.1":
		return ledger.RateLimited
	case (r.Code == 450 || r.Code == 452 || r.Code == 454) && subject(r.Enhanced) == "":
		return ledger.RateLimited
	}
	return ledger.ProviderDown
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
