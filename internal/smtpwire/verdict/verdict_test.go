package verdict

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"testing"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
)

// wantVerdict spells a verdict out, so that a constant that is changed is seen as such.
type wantVerdict struct {
	Outcome   mailer.Outcome
	Scope     mailer.Scope
	Temporary bool
	Elsewhere bool
}

// The verdicts of the taxonomy, written down a second time.
var (
	wantAccepted  = wantVerdict{mailer.Accepted, mailer.ScopeUnknown, false, false}
	wantUnknown   = wantVerdict{mailer.Unknown, mailer.ScopeProvider, false, false}
	wantDown      = wantVerdict{mailer.NotAccepted, mailer.ScopeProvider, true, true}
	wantRefuses   = wantVerdict{mailer.NotAccepted, mailer.ScopeProvider, false, true}
	wantRate      = wantVerdict{mailer.NotAccepted, mailer.ScopeRate, true, true}
	wantAccount   = wantVerdict{mailer.NotAccepted, mailer.ScopeAccount, false, true}
	wantSender    = wantVerdict{mailer.NotAccepted, mailer.ScopeSender, false, true}
	wantMessage   = wantVerdict{mailer.NotAccepted, mailer.ScopeMessage, false, false}
	wantTooLarge  = wantVerdict{mailer.NotAccepted, mailer.ScopeMessage, false, true}
	wantScanner   = wantVerdict{mailer.NotAccepted, mailer.ScopeMessage, true, false}
	wantRecipient = wantVerdict{mailer.NotAccepted, mailer.ScopeRecipient, false, false}
	wantGrey      = wantVerdict{mailer.NotAccepted, mailer.ScopeRecipient, true, false}
	wantTooMany   = wantVerdict{mailer.NotAccepted, mailer.ScopeRecipient, true, true}
)

// replyOf makes a reply of "550 5.1.1".
func replyOf(code int, enhanced string) smtpwire.Reply {
	return smtpwire.Reply{Code: code, Enhanced: enhanced, Text: "x"}
}

// TestReplyVerdicts pins what each kind of refusal means, by the code and the status code
// alone. The numbers are the SMTP rows of the failure taxonomy.
func TestReplyVerdicts(t *testing.T) {
	rcptOne := func(r smtpwire.Reply) ledger.Verdict { return Rcpt(r, false) }
	rcptAll := func(r smtpwire.Reply) ledger.Verdict { return Rcpt(r, true) }
	at := func(stage smtpwire.Stage) func(smtpwire.Reply) ledger.Verdict {
		return func(r smtpwire.Reply) ledger.Verdict { return Reply(stage, r) }
	}
	greeting, hello := at(smtpwire.StageGreeting), at(smtpwire.StageHello)
	for _, c := range []struct {
		row      int
		name     string
		classify func(smtpwire.Reply) ledger.Verdict
		code     int
		enhanced string
		want     wantVerdict
	}{
		{7, "greeting", greeting, 421, "", wantDown}, {7, "greeting", greeting, 421, "4.7.0", wantRate}, {7, "greeting", greeting, 450, "", wantRate},
		{7, "greeting", greeting, 554, "", wantRefuses}, {7, "greeting", greeting, 550, "", wantRefuses}, {7, "greeting", greeting, 504, "", wantRefuses},
		{9, "EHLO", hello, 421, "4.3.2", wantDown}, {9, "EHLO", hello, 550, "", wantAccount}, {9, "EHLO", hello, 504, "", wantAccount},
		{9, "EHLO", hello, 502, "", wantRefuses}, {9, "EHLO", hello, 500, "", wantRefuses}, {9, "EHLO", hello, 551, "", wantRefuses},
		{11, "STARTTLS", at(smtpwire.StageStartTLS), 454, "4.3.0", wantDown}, {11, "STARTTLS", at(smtpwire.StageStartTLS), 502, "", wantRefuses},
		{14, "AUTH", auth, 535, "5.7.8", wantAccount}, {14, "AUTH", auth, 534, "", wantAccount}, {14, "AUTH", auth, 538, "", wantAccount},
		{15, "AUTH", auth, 454, "4.7.0", wantDown}, {15, "AUTH", auth, 421, "", wantDown}, {14, "AUTH", at(smtpwire.StageAuth), 500, "", wantAccount},

		{16, "MAIL", mail, 550, "", wantSender}, {16, "MAIL", mail, 551, "", wantSender}, {16, "MAIL", mail, 553, "", wantSender},
		{16, "MAIL", mail, 554, "", wantSender}, {16, "MAIL", mail, 550, "5.7.1", wantSender}, {16, "MAIL", mail, 501, "5.1.7", wantSender},
		{16, "MAIL", mail, 501, "5.1.8", wantSender}, {16, "MAIL", mail, 552, "", wantTooLarge}, {16, "MAIL", mail, 552, "5.3.4", wantTooLarge},
		{16, "MAIL", mail, 552, "5.2.3", wantTooLarge}, {16, "MAIL", mail, 552, "5.2.2", wantSender}, {16, "MAIL", mail, 555, "5.6.7", wantTooLarge},
		{16, "MAIL", mail, 530, "5.7.0", wantAccount}, {16, "MAIL", mail, 530, "", wantAccount}, {16, "MAIL", mail, 535, "", wantAccount},
		{16, "MAIL", mail, 550, "5.7.57", wantAccount}, {16, "MAIL", mail, 550, "5.7.8", wantAccount}, {16, "MAIL", mail, 550, "5.7.9", wantAccount},
		{16, "MAIL", mail, 555, "", wantAccount}, {16, "MAIL", mail, 501, "5.5.4", wantAccount}, {16, "MAIL", mail, 503, "", wantAccount},
		{16, "MAIL", mail, 550, "5.3.2", wantRefuses}, {16, "MAIL", mail, 554, "5.4.0", wantRefuses}, {16, "MAIL", at(smtpwire.StageMail), 550, "", wantSender},
		{16, "MAIL", mail, 535, "5.7.1", wantAccount}, {16, "MAIL", mail, 501, "5.7.1", wantSender},
		{17, "MAIL", mail, 451, "4.3.0", wantDown}, {17, "MAIL", mail, 421, "", wantDown}, {17, "MAIL", mail, 452, "", wantRate},

		{18, "RCPT", rcptOne, 550, "5.1.1", wantRecipient}, {18, "RCPT", rcptAll, 550, "5.1.1", wantRecipient}, {18, "RCPT", rcptAll, 553, "", wantRecipient},
		{18, "RCPT", rcptAll, 550, "", wantRecipient}, {18, "RCPT", rcptAll, 552, "5.2.2", wantRecipient}, {18, "RCPT", rcptAll, 551, "", wantRecipient},
		{19, "RCPT", rcptAll, 554, "5.7.1", wantAccount}, {19, "RCPT", rcptOne, 554, "5.7.1", wantRecipient}, {19, "RCPT", rcptAll, 530, "", wantAccount},
		{19, "RCPT", rcptOne, 530, "", wantRecipient}, {19, "RCPT", rcptAll, 535, "", wantAccount}, {19, "RCPT", at(smtpwire.StageRcpt), 554, "5.7.1", wantAccount},
		{20, "RCPT", rcptAll, 450, "4.2.1", wantGrey}, {20, "RCPT", rcptAll, 450, "", wantGrey}, {20, "RCPT", rcptAll, 451, "4.7.1", wantGrey}, {20, "RCPT", rcptAll, 451, "", wantGrey},
		{20, "RCPT", rcptOne, 452, "4.5.3", wantTooMany}, {20, "RCPT", rcptOne, 452, "", wantTooMany}, {20, "RCPT", rcptOne, 452, "4.5.1", wantTooMany},
		{20, "RCPT", rcptOne, 451, "4.5.3", wantTooMany}, {20, "RCPT", rcptOne, 452, "4.2.2", wantGrey}, {20, "RCPT", rcptOne, 552, "", wantTooMany},
		{20, "RCPT", rcptAll, 452, "4.5.3", wantRate}, {20, "RCPT", rcptAll, 452, "", wantRate}, {20, "RCPT", rcptAll, 552, "", wantGrey},
		{20, "RCPT", rcptOne, 400, "4.3.0", wantDown}, {32, "final", Final, 400, "4.6.0", wantScanner}, {32, "final", Final, 400, "", wantDown},
		{20, "RCPT", rcptOne, 451, "4.3.0", wantDown}, {20, "RCPT", rcptOne, 452, "4.3.1", wantDown}, {21, "RCPT", rcptOne, 421, "", wantDown},
		{21, "RCPT", rcptOne, 421, "4.7.0", wantDown}, {16, "RCPT", rcptAll, 503, "5.5.1", wantRefuses},

		{22, "DATA", data, 451, "4.3.0", wantDown}, {22, "DATA", data, 452, "", wantRate}, {22, "DATA", data, 554, "5.5.1", wantTooLarge},
		{22, "DATA", data, 550, "", wantTooLarge}, {22, "DATA", data, 552, "", wantTooLarge}, {22, "DATA", data, 503, "", wantRefuses},
		{22, "DATA", data, 502, "", wantRefuses}, {22, "DATA", data, 530, "", wantAccount}, {22, "DATA", data, 554, "5.7.57", wantAccount},
		{22, "DATA", at(smtpwire.StageData), 503, "", wantRefuses},

		{25, "content on its way", at(smtpwire.StageContent), 552, "5.3.4", wantTooLarge}, {25, "content on its way", at(smtpwire.StageContent), 421, "", wantDown},
		{25, "content on its way", at(smtpwire.StageReply), 550, "", wantMessage},

		{30, "final", Final, 354, "", wantUnknown}, {30, "final", Final, 221, "", wantUnknown}, {30, "final", Final, 235, "", wantUnknown},
		{30, "final", Final, 220, "", wantUnknown}, {30, "final", Final, 199, "", wantUnknown}, {30, "final", Final, 334, "", wantUnknown},
		{31, "final", Final, 250, "", wantAccepted}, {31, "final", Final, 251, "2.1.5", wantAccepted}, {31, "final", Final, 200, "", wantAccepted},
		{32, "final", Final, 421, "4.3.2", wantDown}, {32, "final", Final, 450, "", wantRate}, {32, "final", Final, 451, "", wantDown},
		{32, "final", Final, 452, "", wantRate}, {32, "final", Final, 451, "4.7.1", wantRate}, {32, "final", Final, 432, "4.3.2", wantRate},
		{32, "final", Final, 451, "4.6.0", wantScanner}, {32, "final", Final, 452, "4.3.1", wantDown},
		{33, "final", Final, 550, "5.7.1", wantMessage}, {33, "final", Final, 554, "", wantMessage}, {33, "final", Final, 550, "", wantMessage},
		{33, "final", Final, 554, "5.6.0", wantMessage}, {33, "final", Final, 552, "", wantTooLarge}, {33, "final", Final, 552, "5.3.4", wantTooLarge},
		{33, "final", Final, 554, "5.2.3", wantTooLarge}, {33, "final", Final, 552, "5.2.2", wantMessage},
		{33, "final", Final, 550, "5.7.57", wantAccount}, {33, "final", Final, 550, "5.7.8", wantAccount}, {33, "final", Final, 554, "5.7.9", wantAccount},
		{33, "final", Final, 550, "5.1.7", wantSender}, {33, "final", Final, 550, "5.1.8", wantSender},
		{33, "final", Final, 500, "", wantMessage}, {33, "final", Final, 501, "5.5.2", wantMessage}, {33, "final", Final, 503, "", wantRefuses}, {33, "final", Final, 530, "", wantAccount},
		{33, "final", Final, 505, "", wantMessage}, {33, "final", Final, 499, "", wantDown},

		{17, "transient", transient, 432, "", wantRate}, {17, "transient", transient, 451, "4.5.3", wantRate}, {17, "transient", transient, 450, "4.7.28", wantRate},
		{17, "transient", transient, 450, "4.2.1", wantRate}, {17, "transient", transient, 450, "4.2.2", wantDown}, {17, "transient", transient, 454, "", wantRate},
		{17, "transient", transient, 454, "4.3.0", wantDown}, {17, "transient", transient, 421, "4.4.2", wantDown}, {17, "transient", transient, 451, "", wantDown},
	} {
		if got := wantVerdict(c.classify(replyOf(c.code, c.enhanced))); got != c.want {
			t.Errorf("row %d, %s %d %s: got %+v, want %+v", c.row, c.name, c.code, c.enhanced, got, c.want)
		}
	}
}

// TestTLSPolicyVerdicts pins which failures are about protection, and so an alarm: rows 6, 10, 11, 12.
func TestTLSPolicyVerdicts(t *testing.T) {
	for _, c := range []struct {
		stage smtpwire.Stage
		err   error
		code  int
		want  bool
	}{
		{smtpwire.StageStartTLS, nil, 500, true}, {smtpwire.StageStartTLS, nil, 502, true}, {smtpwire.StageStartTLS, nil, 454, false},
		{smtpwire.StageMail, nil, 530, false}, {smtpwire.StageHello, nil, 502, false}, {smtpwire.StageStartTLS, io.EOF, 0, false},
		{smtpwire.StageStartTLS, smtpwire.ErrNoStartTLS, 0, true}, {smtpwire.StageStartTLS, smtpwire.ErrInjected, 0, true},
		{smtpwire.StageTLS, &tls.CertificateVerificationError{}, 0, true}, {smtpwire.StageTLS, x509.UnknownAuthorityError{}, 0, true},
		{smtpwire.StageTLS, smtpwire.ErrTimeout, 0, false},
	} {
		e := &smtpwire.Error{Stage: c.stage, Err: c.err, Reply: smtpwire.Reply{Code: c.code}}
		if got := IsTLSPolicy(e); got != c.want {
			t.Errorf("%v at %v, code %d: %v, want %v", c.err, c.stage, c.code, got, c.want)
		}
	}
}

// TestSubject pins how a status code is taken apart.
func TestSubject(t *testing.T) {
	for enhanced, want := range map[string]string{"": "", "5.1.1": "1", "4.7.28": "7", "5.3.4": "3", "2.0.0": "0"} {
		if got := subject(enhanced); got != want {
			t.Errorf("subject(%q) = %q, want %q", enhanced, got, want)
		}
	}
}
