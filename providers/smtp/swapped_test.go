package smtp_test

import (
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
)

// swappedCodes are the codes of RFC 5321 section 4.2.3, RFC 4954 and others that occur.
var swappedCodes = []string{
	"200", "211", "214", "220", "221", "235", "250", "250 2.1.5", "251", "252", "299", "334", "354", "354 2.0.0", "399",
	"421", "421 4.3.2", "432 4.7.12", "450", "450 4.2.0", "451", "451 4.3.0", "451 4.7.1", "452", "452 4.5.3", "454 4.7.0", "455", "471",
	"500", "501 5.5.4", "502", "503 5.5.1", "504", "521", "530 5.7.0", "534 5.7.9", "535 5.7.8", "550", "550 5.1.1", "550 5.7.1",
	"551", "552", "552 5.3.4", "553", "554", "554 5.6.0", "555", "556", "571", "599",
}

// swapPoints are where a reply is replaced: the first time there, and the second.
var swapPoints = []smtpfake.Point{
	smtpfake.Greeting, smtpfake.EHLO, smtpfake.AUTH, smtpfake.AUTHStep,
	smtpfake.MAIL, smtpfake.RCPT, smtpfake.DATA, smtpfake.Content,
}

// TestSwappedReplies is P1 for servers that answer anything, anywhere, and act as they say.
func TestSwappedReplies(t *testing.T) {
	var all tally
	for _, s := range cutShapes {
		if s.server.Hook != nil || s.server.TLS != nil || len(s.server.AuthMechanisms) > 0 && stride() > 1 {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			msg, contents := s.prepare(t)
			for _, p := range swapPoints {
				if s.before > 0 && p <= smtpfake.AUTHStep {
					continue // these come once, before the message that is judged
				}
				for n := 1; n <= 2; n++ {
					s.swapReply(t, p, n, msg, contents, &all)
				}
			}
		})
	}
	t.Log(&all)
}

// swapReply tries every code instead of the nth reply at p, counted from the judged message on.
func (s *shape) swapReply(t *testing.T, p smtpfake.Point, n int, msg *mailer.Message, contents [][]byte, all *tally) {
	t.Helper()
	for _, code := range swappedCodes {
		swapped := *s
		swapped.server.Hook = smtpfake.OnNth(p, s.before+n, smtpfake.Action{Reply: code + " so it is"})
		tr := swapped.try(t, msg, cut{}, bug{})
		all.add(tr)
		for _, objection := range tr.contradictions(contents...) {
			t.Fatalf("%s instead of reply %d at point %d: %s\n\t%v", code, n, p, objection, tr.err)
		}
	}
}
