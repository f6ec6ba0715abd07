package smtp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// An attempt is one Send under way.
type attempt struct {
	ledger.Attempt
	client *Client
	limits smtpwire.Limits
	body   *eml.Body
	named  []string // the recipients named to the server: all, or RCPTMAX of them (RFC 9422)
	env    smtpwire.Envelope
}

func (c *Client) newAttempt(ctx context.Context) *attempt {
	return &attempt{client: c, Attempt: ledger.Attempt{
		Provider: provider, Route: c.cfg.Name, Gate: mailer.GateFrom(ctx), Start: time.Now(),
	}}
}

// fit refuses what SMTP cannot carry, and notes what it leaves out.
func (a *attempt) fit() (err error) {
	if _, given := a.Msg.ProviderOptions[provider]; given {
		return fmt.Errorf("%w: %w", mailer.ErrUnsupported, errProviderOptions)
	}
	a.Degraded, err = a.client.Capabilities().Fit(a.Msg, a.client.cfg.Strict)
	return err
}

// setLimits divides the time there is. A gate's CommitBy, or 30 s where ctx sets no
// limit, ends everything that comes before the boundary.
func (a *attempt) setLimits(ctx context.Context) {
	cfg := &a.client.cfg
	a.limits = smtpwire.Limits{Stall: cfg.StallTimeout, Patience: cfg.ReplyTimeout}
	if a.Gate != nil {
		a.limits.Commit = a.Gate.CommitBy
	}
	now := time.Now() // spooling may have taken long, which is not the server's doing
	if _, ok := ctx.Deadline(); !ok && a.limits.Commit.IsZero() {
		a.limits.Commit = now.Add(defaultCommit)
	}
	a.limitEnvelope(now)
}

func (a *attempt) limitEnvelope(from time.Time) {
	a.limits.Envelope = from.Add(a.client.cfg.Timeout)
	if c := a.limits.Commit; !c.IsZero() && c.Before(a.limits.Envelope) {
		a.limits.Envelope = c
	}
}

// send takes a connection, brings the message over it, and accounts for that.
func (a *attempt) send(ctx context.Context) (*mailer.Receipt, error) {
	c := a.client
	a.Mark(mailer.PhaseConnect)
	if err := c.pool.Acquire(ctx, a.limits.Commit); err != nil {
		return nil, a.refuse(&smtpwire.Error{Stage: smtpwire.StageConnect, Err: err})
	}
	defer c.pool.Release()
	now := time.Now()
	a.limitEnvelope(now) // the wait for a connection is not the server's
	conn, res, failed := a.transact(ctx, c.pool.Take(now))
	if failed != nil {
		return nil, a.refuse(failed)
	}
	if res.Stale {
		// Its end was on the way when it was looked at. Nothing was answered and nothing released.
		c.pool.Drop(conn)
		a.limits.Committed = res.Committed
		if conn, res, failed = a.transact(ctx, nil); failed != nil {
			return nil, a.refuse(failed)
		}
	}
	receipt, err := a.account(conn.Extensions(), res)
	c.putBack(conn, res.Reusable)
	return receipt, err
}

// transact sends the message over conn, or over a new connection when that is nil.
// The error is one from before the transaction.
func (a *attempt) transact(ctx context.Context, conn *pooled) (*pooled, smtpwire.Result, *smtpwire.Error) {
	if conn == nil {
		var err *smtpwire.Error
		if conn, err = a.client.connect(ctx, a); err != nil {
			return nil, smtpwire.Result{}, err
		}
	}
	env, body, err := a.envelope(conn.Extensions())
	if err != nil {
		a.client.putBack(conn, true)
		return nil, smtpwire.Result{}, &smtpwire.Error{Stage: smtpwire.StageMail, Err: err}
	}
	conn.Bind(ctx)
	done := false
	defer func() {
		if !done { // a source of content has panicked
			conn.Unbind()
			a.client.pool.Drop(conn)
		}
	}()
	res := conn.Transact(env, body, a.Gate, a.limits)
	done = true
	if !conn.Unbind() {
		res.Reusable = false
	}
	return conn, res, nil
}

// envelope fits the message to what the server offers.
func (a *attempt) envelope(ext smtpwire.Extensions) (*smtpwire.Envelope, smtpwire.Body, error) {
	body, err := a.bodyFor(ext)
	if err != nil {
		return nil, nil, err
	}
	needsUTF8 := body.UTF8() || !isASCII(a.Msg.EnvelopeFrom()) || !allASCII(a.Msg.Recipients())
	if needsUTF8 && !ext.UTF8 {
		return nil, nil, fmt.Errorf("%w: an address outside ASCII, or such a header in Raw, needs SMTPUTF8, which the server does not offer", mailer.ErrUnsupported)
	}
	if err := a.degradeDSN(ext); err != nil {
		return nil, nil, err
	}
	if err := a.nameRecipients(ext); err != nil {
		return nil, nil, err
	}
	a.env = smtpwire.Envelope{
		From:            a.Msg.EnvelopeFrom(),
		To:              a.named,
		SizeBytes:       body.Size(),
		EightBit:        body.EightBit(),
		UTF8:            needsUTF8,
		AllOrNone:       a.Msg.AllOrNone,
		DisableChunking: a.client.noChunking.Load(),
		OneFlight:       a.client.cfg.OneFlight || a.Msg.Delivery == mailer.AtLeastOnce,
		Notify:          notify(a.Msg.DSN.Notify),
		ReturnFull:      a.Msg.DSN.ReturnFull,
		EnvelopeID:      a.Msg.DSN.EnvelopeID,
	}
	return &a.env, body, nil
}

// bodyFor returns the content in a form that the server takes.
func (a *attempt) bodyFor(ext smtpwire.Extensions) (body *eml.Body, err error) {
	body = a.body
	if body.EightBit() && !ext.EightBit {
		if body, err = eml.Render(a.Msg, eml.Options{}); err != nil {
			return nil, err
		}
	}
	if size := body.Size(); ext.MaxBytes > 0 && size > ext.MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, the server takes at most %d", errTooLarge, size, ext.MaxBytes)
	}
	return body, nil
}

// degradeDSN leaves out what only a server with DSN understands.
func (a *attempt) degradeDSN(ext smtpwire.Extensions) error {
	name := mailer.FeatureDSN.String()
	switch {
	case a.Msg.DSN == mailer.DSN{} || ext.DSN:
	case a.client.cfg.Strict:
		return fmt.Errorf("%w: the message asks for DSN, which the server does not offer", mailer.ErrUnsupported)
	case !slices.Contains(a.Degraded, name): // else the server of a stale connection lacked it too
		a.Degraded = append(a.Degraded, name)
	}
	return nil
}

// nameRecipients keeps to RCPTMAX (RFC 9422). Those left out are reported, for another transaction.
func (a *attempt) nameRecipients(ext smtpwire.Extensions) error {
	a.named = a.Msg.Recipients()
	if n := ext.MaxRecipients; n > 0 && len(a.named) > n {
		if a.Msg.AllOrNone {
			return fmt.Errorf("%w: %d recipients, the server takes %d at once", mailer.ErrUnsupported, len(a.named), n)
		}
		a.named = a.named[:n]
	}
	return nil
}

var (
	errTooLarge        = errors.New("message too large")
	errProviderOptions = errors.New("it takes no ProviderOptions")
)

// notify is the NOTIFY parameter of RFC 3461 section 4.1.
func notify(n mailer.DSNNotify) string {
	if n == mailer.NotifyNever {
		return "NEVER"
	}
	var words []string
	for _, w := range [...]struct {
		bit  mailer.DSNNotify
		word string
	}{{mailer.NotifySuccess, "SUCCESS"}, {mailer.NotifyFailure, "FAILURE"}, {mailer.NotifyDelay, "DELAY"}} {
		if n&w.bit != 0 {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func allASCII(list []string) bool {
	for _, s := range list {
		if !isASCII(s) {
			return false
		}
	}
	return true
}
