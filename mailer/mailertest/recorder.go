package mailertest

import (
	"context"
	"slices"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Recorder accepts every message that is valid and keeps it. The zero Recorder is
// ready for use.
type Recorder struct {
	Profile
	life   life
	ledger ledger
}

var (
	_ mailer.Sender  = (*Recorder)(nil)
	_ mailer.Closer  = (*Recorder)(nil)
	_ mailer.Capable = (*Recorder)(nil)
	_ mailer.Checker = (*Recorder)(nil)
	_ mailer.Named   = (*Recorder)(nil)
)

// Send accepts msg, unless it is invalid, asks for what the Profile lacks, its content
// cannot be read, ctx has ended or the gate is shut.
func (r *Recorder) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	return send(ctx, msg, r.Profile, &r.life, func(a *attempt) *mailer.SendError {
		a.mark(mailer.PhaseConnect)
		m, e := a.commit()
		if e != nil {
			return e
		}
		r.ledger.add(Copy{m, m.Recipients()})
		a.mark(mailer.PhaseDone)
		return nil
	})
}

// Messages returns the accepted messages in order. They are prepared, with their
// contents in memory, and shared; do not change them.
func (r *Recorder) Messages() []*mailer.Message {
	copies := r.ledger.all()
	messages := make([]*mailer.Message, len(copies))
	for i, c := range copies {
		messages[i] = c.Message
	}
	return messages
}

// Last returns the message accepted last, or nil.
func (r *Recorder) Last() *mailer.Message {
	if all := r.Messages(); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// SentTo returns the accepted messages that have address among their recipients,
// those of Bcc included. Case does not matter.
func (r *Recorder) SentTo(address string) []*mailer.Message {
	return slices.DeleteFunc(r.Messages(), func(m *mailer.Message) bool {
		return !slices.ContainsFunc(m.Recipients(), func(rcpt string) bool { return strings.EqualFold(rcpt, address) })
	})
}

// Reset forgets all messages.
func (r *Recorder) Reset() { r.ledger.reset() }

// Close implements [mailer.Closer]. What was recorded stays.
func (r *Recorder) Close(ctx context.Context) error { return r.life.close(ctx) }
