package mailertest

import (
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// SendError returns what a Sender returns when msg fails as e says: a copy of e with a
// Receipt in which all recipients share its verdict. It is for senders of
// one's own and for calling code that handles failures directly. The Outcome of e is
// [mailer.NotAccepted] or [mailer.Unknown]; for a single recipient that is refused use a [Script].
//
// When msg is invalid, the error says so instead.
func SendError(msg *mailer.Message, e mailer.SendError) *mailer.SendError {
	m, err := mailer.Prepare(msg)
	if err != nil {
		return mailer.AsSendError(err)
	}
	a := &attempt{msg: m, receipt: newReceipt(m, Profile{}), start: time.Now(), phase: mailer.PhaseConnect}
	v := normal(&e)
	if v == nil {
		v = normal(&mailer.SendError{Err: e.Err})
	}
	if v.Outcome == mailer.Unknown {
		a.phase = mailer.PhaseCommitted
	}
	_, err = a.end(v)
	return mailer.AsSendError(err)
}
