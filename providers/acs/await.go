package acs

import (
	"context"
	"errors"
	"time"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

const (
	// firstPoll is when an operation is asked for first where the service does not say when. The time doubles.
	firstPoll = 2 * time.Second
	// pollSpare is the share of status reads in percent that waiting leaves to the settling of doubts.
	pollSpare = 50
)

// await waits for the terminal status of an operation that was accepted, where Config.Wait says so and the acceptance
// has not told it already (EmailSendResult of the API's description has all statuses there too). Only that it failed
// changes the verdict: whatever keeps us from knowing comes after acceptance.
func (c *Client) await(ctx context.Context, a *ledger.Attempt, r *mailer.Receipt, o Operation) (*mailer.Receipt, error) {
	if c.cfg.Wait > 0 && !o.Done() {
		o = c.poll(ctx, a.Msg.From.Address, r.ProviderMessageID, o.RetryAfter)
	}
	if o.Outcome != mailer.NotAccepted {
		return r, nil
	}
	why := ledger.Reason{Protocol: "http", Code: r.Attempts[0].Code, Text: o.Code + " " + o.Detail}
	v := failure(o.Code)
	e := a.Refuse(v, why, &responseError{err: errors.New("dropped after it was accepted: " + why.Text), status: why.Code, code: o.Code})
	return nil, e
}

// poll asks for the operation until it is done, or nobody can wait any longer, for Config.Wait at most.
func (c *Client) poll(ctx context.Context, from, id string, after time.Duration) (o Operation) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Wait)
	defer cancel()
	pause := firstPoll
	for wait := max(after, pause); hasTime(ctx, wait) && c.pause(ctx, wait); {
		switch next, err := c.read(ctx, from, id, pollSpare); {
		case err == nil:
			o = next
		case !errors.Is(err, ErrNoOperation): // which may yet show
			return o
		}
		if o.Done() {
			return o
		}
		pause *= 2
		wait = max(o.RetryAfter, pause)
	}
	return o
}

// hasTime reports whether ctx lasts longer than d.
func hasTime(ctx context.Context, d time.Duration) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) > d
}
