package smtp

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/internal/smtpwire/verdict"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// route is what is known about a route beside the failure at hand.
type route struct {
	worked bool // it has connected before
	port   int
}

// classify judges a conversation that ended before a reply to the content: by the
// stage it ended at, by the code of the reply that ended it, and above all by whether
// the last byte had been released.
func classify(e *smtpwire.Error, released bool, r route) ledger.Verdict {
	switch {
	case released && !(e.Stage == smtpwire.StageMail && e.Reply.Refused()):
		return unanswered(e)
	case isContextError(e.Err), isOurs(e.Err):
		return ledger.CallerFault
	case isMismatch(e.Err):
		return ledger.MessageUnfit
	case e.Reply.Code != 0:
		return verdict.Reply(e.Stage, e.Reply)
	}
	switch e.Stage {
	case smtpwire.StageConnect:
		return classifyConnect(e.Err, r)
	case smtpwire.StageTLS, smtpwire.StageStartTLS:
		if verdict.IsTLSPolicy(e) {
			return ledger.ProviderRefuses
		}
	case smtpwire.StageAuth:
		return classifyAuthError(e.Err)
	}
	return ledger.ProviderDown
}

// unanswered: everything was released, and nothing complete and understood came back.
func unanswered(e *smtpwire.Error) ledger.Verdict {
	if isContextError(e.Err) || errors.Is(e.Err, connpool.ErrClosed) {
		return ledger.UnknownByCaller
	}
	return ledger.Unknown
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isOurs: the message or its gate ended it, not the server.
func isOurs(err error) bool {
	return errors.Is(err, smtpwire.ErrSource) || errors.Is(err, smtpwire.ErrCancelled) || errors.Is(err, smtpwire.ErrArgument) ||
		errors.Is(err, eml.ErrSource) || errors.Is(err, mailer.ErrInvalidMessage) || errors.Is(err, connpool.ErrClosed)
}

// isMismatch: this server cannot carry the message, and was not asked to.
func isMismatch(err error) bool {
	return errors.Is(err, mailer.ErrUnsupported) || errors.Is(err, errTooLarge)
}

func classifyConnect(err error, r route) ledger.Verdict {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && dns.IsNotFound && !r.worked:
		return ledger.AccountRefused // the host is misspelt, most likely
	case r.port == 25 && !r.worked && errors.As(err, &timeout) && timeout.Timeout():
		return ledger.AccountRefused // clouds drop what goes to port 25
	case errors.Is(err, connpool.ErrSaturated):
		return ledger.RateLimited
	case errors.Is(err, errNotLoopback):
		return ledger.AccountRefused
	}
	return ledger.ProviderDown
}

func classifyAuthError(err error) ledger.Verdict {
	switch {
	case errors.Is(err, errCredentials) && !isSourceDown(err):
		return ledger.AccountForNow
	case errors.Is(err, smtpwire.ErrNoAuth), errors.Is(err, errMechanism):
		return ledger.AccountRefused
	}
	return ledger.ProviderDown
}

// isSourceDown reports whether whoever gives out the password is in trouble, and not the password.
func isSourceDown(err error) bool {
	return errors.Is(err, errCredentials) && (errors.Is(err, netconn.ErrTimeout) || errors.Is(err, mailer.ErrUnavailable))
}

// isEOF: the connection ended, on either side.
func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, net.ErrClosed)
}
