package smtp_test

import (
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestOneFlightExtraReply: with everything in one flight, one reply too many shifts the
// verdicts of the recipients, and so leaves none of them.
func TestOneFlightExtraReply(t *testing.T) {
	for _, c := range []struct {
		name, final string
		taken       int
	}{{"taken", "250 2.0.0 ok", 1}, {"refused", "554 5.7.1 spam", 0}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := shape{server: smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: strayThen(c.final)}, msg: atLeastOnce, to: 3}
				msg, contents := s.prepare(t)
				tr := s.play(t, msg, cut{}, bug{})
				for _, objection := range tr.contradictions(contents...) {
					t.Errorf("%s\n\t%v", objection, tr.err)
				}
				if len(tr.messages) != c.taken || tr.outcome() != mailer.Unknown {
					t.Errorf("%v, and the server took %d copies; want Unknown and %d", tr.outcome(), len(tr.messages), c.taken)
				}
			})
		})
	}
}

// strayThen says something unasked before it answers the first RCPT, and final to the content.
func strayThen(final string) smtpfake.Hook {
	return func(e *smtpfake.Event) smtpfake.Action {
		switch {
		case e.Point == smtpfake.RCPT && e.Seen == 1:
			return smtpfake.Action{Raw: "550 5.0.0 stray\r\n250 2.1.5 ok\r\n"}
		case e.Point == smtpfake.Content:
			return smtpfake.Action{Reply: final}
		}
		return smtpfake.Action{}
	}
}

// TestOneFlightClosing: a server that refuses MAIL, says 421 to the rest and then nothing
// more is not talked to again.
func TestOneFlightClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: func(e *smtpfake.Event) smtpfake.Action {
			switch {
			case e.Point == smtpfake.MAIL && e.Conn == 1:
				return smtpfake.Action{Reply: "550 5.7.1 no"}
			case e.Point == smtpfake.BDAT && e.Conn == 1:
				return smtpfake.Action{Reply: "421 4.3.2 closing", Then: smtpfake.Hang}
			}
			return smtpfake.Action{}
		}})
		cfg := plaintext(pipeTo(server))
		cfg.OneFlight = true
		client := must(smtp.New(cfg))
		defer closeAll(t, client, server)
		for i, want := range []mailer.Outcome{mailer.NotAccepted, mailer.Accepted} {
			if got := wantTruth(t, client, server, prepared(t, newMessage(1)), synctest.Wait); got != want {
				t.Errorf("message %d: %v, want %v", i+1, got, want)
			}
		}
	})
}
