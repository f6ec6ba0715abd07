package smtp

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
)

// ledger is a receipt with room for the usual single attempt and recipient.
type ledger struct {
	mailer.Receipt
	attempts   [1]mailer.Attempt
	recipients [1]mailer.RecipientResult
}

// newReceipt returns a receipt of the attempt, with an empty result for each recipient.
func (a *attempt) newReceipt() *mailer.Receipt {
	l := &ledger{}
	r := &l.Receipt
	r.Provider, r.Route = provider, a.client.cfg.Name
	l.attempts[0] = mailer.Attempt{
		Route: r.Route, Provider: provider, Start: a.start, Duration: time.Since(a.start), Phase: a.phase,
	}
	r.Attempts = l.attempts[:]
	if a.msg == nil {
		return r
	}
	r.MessageID, r.IdempotencyKey, r.Degraded = a.msg.MessageID, a.msg.IdempotencyKey, a.degraded
	addresses := a.msg.Recipients()
	r.Recipients = l.recipients[:]
	if len(addresses) != 1 {
		r.Recipients = make([]mailer.RecipientResult, len(addresses))
	}
	for i, address := range addresses {
		r.Recipients[i] = mailer.RecipientResult{Address: address, Provider: provider, Route: r.Route}
	}
	return r
}

// account turns the result of a transaction into what Send returns.
func (a *attempt) account(ext smtpwire.Extensions, res smtpwire.Result) (*mailer.Receipt, error) {
	a.phase = phaseOf(res)
	r := a.newReceipt()
	rest := a.judgeRest(ext, res)
	allRefused := len(res.Rcpt) == len(a.named) && noneOK(res.Rcpt)
	for i := range r.Recipients {
		result := &r.Recipients[i]
		switch {
		case i >= len(a.named):
			fill(result, recipientTooMany, smtpwire.Reply{})
		case i < len(res.Rcpt) && !res.Rcpt[i].OK():
			fill(result, classifyRcpt(res.Rcpt[i], allRefused), res.Rcpt[i])
		default:
			fill(result, rest, decidingReply(res))
		}
	}
	if rest == accepted {
		r.ProviderMessageID = messageID(res.Final.Text)
		for i := range r.Recipients {
			if r.Recipients[i].Outcome == mailer.Accepted {
				r.Recipients[i].ProviderMessageID = r.ProviderMessageID
			}
		}
	}
	if res.Final.IsUnknownCommand() && a.sentChunk(ext) {
		a.client.noChunking.Store(true)
	}
	return a.conclude(r, res)
}

// judgeRest is the verdict about the recipients that were not refused on their own.
func (a *attempt) judgeRest(ext smtpwire.Extensions, res smtpwire.Result) verdict {
	switch {
	case res.Err == nil && res.Final.OK() && !noneOK(res.Rcpt):
		return accepted
	case res.Err == nil && a.sentChunk(ext) && res.Final.IsUnknownCommand():
		return providerDown // DATA comes next
	case res.Err == nil:
		return classifyFinal(res.Final)
	case endedByRefusals(res.Err):
		// Only AllOrNone leaves somebody here who was not refused himself.
		return classifyRcpt(res.Err.Reply, false)
	}
	return classify(a.wasCut(res.Err), res.Released, a.client.route())
}

func (a *attempt) sentChunk(ext smtpwire.Extensions) bool {
	return ext.Chunking && !a.env.DisableChunking
}

// wasCut makes what Close did to a connection the caller's doing.
func (a *attempt) wasCut(e *smtpwire.Error) *smtpwire.Error {
	if e.Err != nil && a.client.pool.cut.Err() != nil && isEOF(e.Err) {
		e.Err = errClosed
	}
	return e
}

func noneOK(replies []smtpwire.Reply) bool {
	for i := range replies {
		if replies[i].OK() {
			return false
		}
	}
	return true
}

// decidingReply is the reply that decided about the recipients not refused on their own.
func decidingReply(res smtpwire.Result) smtpwire.Reply {
	if res.Err == nil {
		return res.Final
	}
	if endedByRefusals(res.Err) {
		return smtpwire.Reply{}
	}
	return res.Err.Reply
}

// endedByRefusals: recipients were refused, and that left nobody to send the content to,
// or with AllOrNone not everybody. 421 is the end of the connection.
func endedByRefusals(e *smtpwire.Error) bool {
	return e.Stage == smtpwire.StageRcpt && e.Err == nil && e.Reply.Code != 421
}

func fill(result *mailer.RecipientResult, v verdict, reply smtpwire.Reply) {
	result.Outcome, result.Scope = v.outcome, v.scope
	result.Temporary, result.Elsewhere = v.temporary, v.elsewhere
	result.Code, result.EnhancedCode = reply.Code, reply.Enhanced
	if v.outcome != mailer.Accepted {
		result.Detail = redact.Text(reply.Text)
	}
}

// conclude rolls the recipients up and makes the error there is, if any.
func (a *attempt) conclude(r *mailer.Receipt, res smtpwire.Result) (*mailer.Receipt, error) {
	r.Outcome = mailer.RollUp(r.Recipients)
	attempt := &r.Attempts[0]
	attempt.Outcome, attempt.Decision = r.Outcome, "done"
	if r.Outcome == mailer.Accepted {
		attempt.Code, attempt.EnhancedCode = res.Final.Code, res.Final.Enhanced
		return r, nil
	}
	attempt.Decision = "stop"
	e := &mailer.SendError{Receipt: r, Outcome: r.Outcome, Err: a.reason(r, res)}
	a.summarize(e, r, res)
	attempt.Scope, attempt.Code, attempt.EnhancedCode = e.Scope, e.Code, e.EnhancedCode
	attempt.Detail = redact.Text(e.Err.Error())
	if r.Outcome == mailer.PartlyAccepted {
		return r, e
	}
	return nil, e
}

// summarize lets the error speak as the recipient does that weighs most, the first of
// those that weigh the same. The rest may go elsewhere, or be tried again, if that is so
// for anybody.
func (a *attempt) summarize(e *mailer.SendError, r *mailer.Receipt, res smtpwire.Result) {
	var decisive *mailer.RecipientResult
	most := -1
	for i := range r.Recipients {
		result := &r.Recipients[i]
		if result.Outcome == mailer.Accepted {
			continue
		}
		if w := a.weight(i, result, res); w > most {
			decisive, most = result, w
		}
		if result.Outcome == mailer.NotAccepted {
			e.Temporary = e.Temporary || result.Temporary
			e.Elsewhere = e.Elsewhere || result.Elsewhere
		}
	}
	e.Scope, e.Code, e.EnhancedCode = decisive.Scope, decisive.Code, decisive.EnhancedCode
	if e.Code != 0 {
		e.Protocol = provider
	}
}

// weight: what is unknown comes before what ended the message, that before the refusal of
// one recipient, and last come those who only share in the fate of others.
func (a *attempt) weight(i int, r *mailer.RecipientResult, res smtpwire.Result) int {
	switch {
	case r.Outcome == mailer.Unknown:
		return 3
	case i >= len(a.named):
		return 0
	case i < len(res.Rcpt) && !res.Rcpt[i].OK():
		return 1
	case res.Err != nil && endedByRefusals(res.Err):
		return 0
	}
	return 2
}

// reason is the cause that the error wraps.
func (a *attempt) reason(r *mailer.Receipt, res smtpwire.Result) error {
	if res.Err != nil {
		return cause(res.Err)
	}
	for i := range r.Recipients {
		if i < len(res.Rcpt) && !res.Rcpt[i].OK() && (res.Final.OK() || noneOK(res.Rcpt)) {
			return &smtpwire.Error{Stage: smtpwire.StageRcpt, Reply: res.Rcpt[i]}
		}
	}
	if len(a.named) < len(r.Recipients) && res.Final.OK() {
		return errTooMany
	}
	return &smtpwire.Error{Stage: smtpwire.StageReply, Reply: res.Final}
}

// errTooMany is about the recipients beyond RCPTMAX. They go in another transaction.
var errTooMany = errors.New("more recipients than the server takes at once")

// cause adds the sentinels that errors.Is looks for.
func cause(e *smtpwire.Error) error {
	switch {
	case errors.Is(e.Err, errClosed):
		return mailer.ErrClosed
	case isOurs(e.Err), isMismatch(e.Err):
		return e.Err // the stage says nothing about it
	case isTLSPolicy(e):
		return fmt.Errorf("%w: %w", mailer.ErrTLSPolicy, e)
	case errors.Is(e.Err, smtpwire.ErrNoAuth), errors.Is(e.Err, errCredentials):
		return fmt.Errorf("%w: %w", mailer.ErrUnauthorized, e)
	}
	return e
}

// refuse accounts for a failure before any transaction: nobody has the message.
func (a *attempt) refuse(failed *smtpwire.Error) error {
	failed = a.wasCut(failed)
	v := classify(failed, false, a.client.route())
	e := a.refusal(v, cause(failed))
	e.Code, e.EnhancedCode = failed.Reply.Code, failed.Reply.Enhanced
	if e.Code != 0 {
		e.Protocol = provider
	}
	if errors.Is(failed.Err, errSaturated) {
		e.RetryAfter = saturatedRetry
	}
	for i := range e.Receipt.Recipients {
		result := &e.Receipt.Recipients[i]
		fill(result, v, failed.Reply)
		result.RetryAfter = e.RetryAfter
	}
	attempt := &e.Receipt.Attempts[0]
	attempt.Code, attempt.EnhancedCode = e.Code, e.EnhancedCode
	return e
}

// saturatedRetry is when a connection is likely to be free: a message takes less.
const saturatedRetry = time.Second

// refusal is a SendError that says v of everybody.
func (a *attempt) refusal(v verdict, err error) *mailer.SendError {
	r := a.newReceipt()
	r.Outcome = v.outcome
	for i := range r.Recipients {
		fill(&r.Recipients[i], v, smtpwire.Reply{})
	}
	attempt := &r.Attempts[0]
	attempt.Outcome, attempt.Scope, attempt.Decision = v.outcome, v.scope, "stop"
	attempt.Detail = redact.Text(err.Error())
	return &mailer.SendError{
		Receipt: r, Outcome: v.outcome, Scope: v.scope, Temporary: v.temporary, Elsewhere: v.elsewhere, Err: err,
	}
}

// skipped is a refusal of what was not tried at all.
func (a *attempt) skipped(v verdict, err error) error {
	e := a.refusal(v, err)
	attempt := &e.Receipt.Attempts[0]
	attempt.Skipped, attempt.Detail = attempt.Detail, ""
	return e
}

// unfit is a message that SMTP cannot carry, or that cannot be read.
func (a *attempt) unfit(err error) (*mailer.Receipt, error) {
	v := callerFault
	if isMismatch(err) {
		v = messageUnfit
	}
	return nil, a.skipped(v, err)
}

// invalid is a message that Prepare refused.
func (a *attempt) invalid(err error) (*mailer.Receipt, error) {
	e := mailer.AsSendError(err)
	return nil, a.skipped(verdict{outcome: e.Outcome, scope: e.Scope, temporary: e.Temporary}, e.Err)
}

func phaseOf(res smtpwire.Result) mailer.Phase {
	if res.Err == nil || res.Final.Code != 0 {
		return mailer.PhaseDone
	}
	switch {
	case res.Released:
		return mailer.PhaseCommitted
	case res.Err.Stage >= smtpwire.StageContent:
		return mailer.PhaseContent
	}
	return mailer.PhaseEnvelope
}

// messageID finds the server's name for the message in its reply, which has no
// prescribed form. Postfix and others say "queued as ID", Amazon SES "Ok ID"; where
// there is nothing of the kind the whole text serves.
func messageID(text string) string {
	if _, id, found := strings.Cut(text, "queued as "); found {
		text = id
	} else if id, found := strings.CutPrefix(text, "Ok "); found {
		text = id
	}
	first, _, _ := strings.Cut(text, "\n")
	return redact.Text(first)
}
