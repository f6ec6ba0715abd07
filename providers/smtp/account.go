package smtp

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/internal/smtpwire/verdict"
	"github.com/mailkeel/mailkeel/mailer"
)

// account turns the result of a transaction into what Send returns.
func (a *attempt) account(ext smtpwire.Extensions, res smtpwire.Result) (*mailer.Receipt, error) {
	a.Phase = phaseOf(res)
	r := a.Receipt()
	rest := a.judgeRest(ext, res)
	allRefused := len(res.Rcpt) == len(a.named) && noneOK(res.Rcpt)
	for i := range r.Recipients {
		result := &r.Recipients[i]
		switch {
		case i >= len(a.named):
			ledger.Fill(result, ledger.RecipientTooMany, ledger.Reason{})
		case i < len(res.Rcpt) && !res.Rcpt[i].OK():
			ledger.Fill(result, verdict.Rcpt(res.Rcpt[i], allRefused), said(res.Rcpt[i]))
		default:
			ledger.Fill(result, rest, said(decidingReply(res)))
		}
	}
	if rest == ledger.Accepted {
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
func (a *attempt) judgeRest(ext smtpwire.Extensions, res smtpwire.Result) ledger.Verdict {
	switch {
	case res.Err == nil && res.Final.OK() && !noneOK(res.Rcpt):
		return ledger.Accepted
	case res.Err == nil && a.sentChunk(ext) && res.Final.IsUnknownCommand():
		return ledger.ProviderDown // DATA comes next
	case res.Err == nil:
		return verdict.Final(res.Final)
	case endedByRefusals(res.Err):
		// Only AllOrNone leaves somebody here who was not refused himself.
		return verdict.Rcpt(res.Err.Reply, false)
	}
	return classify(a.wasCut(res.Err), res.Released, a.client.route())
}

func (a *attempt) sentChunk(ext smtpwire.Extensions) bool {
	return ext.Chunking && !a.env.DisableChunking
}

// wasCut makes what Close did to a connection the caller's doing.
func (a *attempt) wasCut(e *smtpwire.Error) *smtpwire.Error {
	if e.Err != nil && a.client.pool.Cut().Err() != nil && isEOF(e.Err) {
		e.Err = connpool.ErrClosed
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

// said is a reply as an account holds it.
func said(reply smtpwire.Reply) ledger.Reason {
	why := ledger.Reason{Code: reply.Code, EnhancedCode: reply.Enhanced, Text: reply.Text}
	if reply.Code != 0 {
		why.Protocol = provider
	}
	return why
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
	case errors.Is(e.Err, connpool.ErrClosed):
		return mailer.ErrClosed
	case isOurs(e.Err), isMismatch(e.Err):
		return e.Err // the stage says nothing about it
	case verdict.IsTLSPolicy(e):
		return fmt.Errorf("%w: %w", mailer.ErrTLSPolicy, e)
	case errors.Is(e.Err, smtpwire.ErrNoAuth), errors.Is(e.Err, errCredentials) && !isContextError(e.Err) && !isSourceDown(e.Err):
		return fmt.Errorf("%w: %w", mailer.ErrUnauthorized, e)
	}
	return e
}

// refuse accounts for a failure before any transaction: nobody has the message.
func (a *attempt) refuse(failed *smtpwire.Error) error {
	failed = a.wasCut(failed)
	why := said(failed.Reply)
	if errors.Is(failed.Err, connpool.ErrSaturated) {
		why.RetryAfter = saturatedRetry
	}
	return a.Refuse(classify(failed, false, a.client.route()), why, cause(failed))
}

// saturatedRetry is when a connection is likely to be free: a message takes less.
const saturatedRetry = time.Second

// unfit is a message that SMTP cannot carry, or that cannot be read.
func (a *attempt) unfit(err error) error {
	v := ledger.CallerFault
	if isMismatch(err) {
		v = ledger.MessageUnfit
	}
	return a.Skip(v, err)
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
