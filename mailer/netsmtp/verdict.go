package netsmtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/internal/smtpwire/verdict"
	"github.com/mailkeel/mailkeel/mailer"
)

func isAccepted(res smtpwire.Result) bool { return res.Err == nil && res.Final.OK() }

// account turns the result of a transaction into what SendMail returns.
func (s *submission) account(res smtpwire.Result) error {
	s.attempt.Phase = phaseOf(res)
	switch {
	case isAccepted(res):
		return nil
	case res.Err != nil && res.Err.Stage == smtpwire.StageRcpt && res.Err.Err == nil && res.Err.Reply.Code != 421:
		everybody := len(res.Rcpt) == len(s.to) && !slices.ContainsFunc(res.Rcpt, smtpwire.Reply.OK)
		e := s.fail(res.Err, verdict.Rcpt(res.Err.Reply, everybody))
		s.tellApart(e.Receipt.Recipients, res, everybody)
		return e
	case res.Err != nil:
		return s.fail(res.Err, judge(res.Err, res.Released))
	}
	return s.fail(&smtpwire.Error{Stage: smtpwire.StageReply, Reply: res.Final}, verdict.Final(res.Final))
}

func phaseOf(res smtpwire.Result) mailer.Phase {
	switch {
	case res.Err == nil:
		return mailer.PhaseDone
	case res.Released:
		return mailer.PhaseCommitted
	case res.Err.Stage >= smtpwire.StageContent:
		return mailer.PhaseContent
	}
	return mailer.PhaseEnvelope
}

// refuse accounts for a failure before any transaction: nobody has the message.
func (s *submission) refuse(failed *smtpwire.Error) error {
	return s.fail(failed, judge(failed, false))
}

// fail says v of everybody.
func (s *submission) fail(failed *smtpwire.Error, v ledger.Verdict) *mailer.SendError {
	reply := s.clean(failed.Reply)
	why := said(reply)
	e := s.attempt.Refuse(v, why, cause(failed.Stage, reply, failed.Err))
	e.Receipt.Recipients = make([]mailer.RecipientResult, len(s.to))
	for i, to := range s.to {
		result := &e.Receipt.Recipients[i]
		*result = mailer.RecipientResult{Address: to, Provider: provider, Route: s.addr}
		ledger.Fill(result, v, why)
	}
	return e
}

// clean takes out of a reply what the server was told in confidence, and may repeat.
func (s *submission) clean(r smtpwire.Reply) smtpwire.Reply {
	r.Text = s.hide(r.Text)
	return r
}

func (s *submission) hide(text string) string { return redact.Secrets(text, s.shown...) }

// said is a reply as an account holds it.
func said(r smtpwire.Reply) ledger.Reason {
	why := ledger.Reason{Code: r.Code, EnhancedCode: r.Enhanced, Text: plainText(r)}
	if r.Code != 0 {
		why.Protocol = provider
	}
	return why
}

// tellApart gives those recipients that were answered their own results where refusals, of
// everybody or not, ended the message. The others only share in that.
func (s *submission) tellApart(results []mailer.RecipientResult, res smtpwire.Result, everybody bool) {
	for i := range results {
		if i >= len(res.Rcpt) || res.Rcpt[i].OK() {
			ledger.Fill(&results[i], verdict.Rcpt(res.Err.Reply, false), ledger.Reason{})
		} else {
			ledger.Fill(&results[i], verdict.Rcpt(res.Rcpt[i], everybody), said(s.clean(res.Rcpt[i])))
		}
	}
}

// cause is what the error wraps, with the sentinels that errors.Is looks for.
func cause(stage smtpwire.Stage, reply smtpwire.Reply, err error) error {
	e := &smtpwire.Error{Stage: stage, Reply: reply, Err: err}
	var failed error = e
	switch {
	case err == nil:
		failed = &refusal{stage, reply}
	case errors.Is(err, errLine), errors.Is(err, errNoAuth), isOurs(err), errors.Is(err, mailer.ErrUnsupported):
		return err // the stage says nothing about it
	}
	if verdict.IsTLSPolicy(e) {
		return fmt.Errorf("%w: %w", mailer.ErrTLSPolicy, failed)
	}
	return failed
}

// judge says what a conversation means that ended before a reply to the content: by where it ended
// and how, and above all by whether the last byte had been released.
func judge(e *smtpwire.Error, released bool) ledger.Verdict {
	switch {
	case released && isContextError(e.Err):
		return ledger.UnknownByCaller
	case released:
		return ledger.Unknown
	case isContextError(e.Err), isOurs(e.Err):
		return ledger.CallerFault
	case errors.Is(e.Err, mailer.ErrUnsupported):
		return ledger.MessageUnfit
	case e.Reply.Code != 0:
		return verdict.Reply(e.Stage, e.Reply)
	case verdict.IsTLSPolicy(e):
		return ledger.ProviderRefuses
	case errors.Is(e.Err, errNoAuth), errors.Is(e.Err, errMechanism):
		return ledger.AccountRefused
	case isUnreachable(e):
		return ledger.AccountRefused
	}
	return ledger.ProviderDown
}

// isOurs: what SendMail was given ended it, not the server.
func isOurs(err error) bool {
	var address *net.AddrError
	return errors.Is(err, mailer.ErrInvalidMessage) || errors.Is(err, errLine) || errors.Is(err, smtpwire.ErrArgument) || errors.As(err, &address)
}

// isUnreachable: the address is wrong, most likely.
func isUnreachable(e *smtpwire.Error) bool {
	var dns *net.DNSError
	return e.Stage == smtpwire.StageConnect && errors.As(e.Err, &dns) && dns.IsNotFound
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
