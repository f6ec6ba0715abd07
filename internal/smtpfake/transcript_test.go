package smtpfake

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

const opening = `
S: 220 mx.example.com ESMTP
C: EHLO client.example
S: 250...
`

func withExtensions(change func(*Extensions)) Config {
	x := AllExtensions()
	change(&x)
	return Config{Extensions: x}
}

func TestPlainConversation(t *testing.T) {
	srv := converse(t, Config{}, opening+`
C: MAIL FROM:<a@example.com>
S: 250 sender ok
C: RCPT TO:<b@example.org>
S: 250 recipient ok
C: RCPT TO:<"b c"@example.org>
S: 250 recipient ok
C: DATA
S: 354 end with CR LF . CR LF
C: Subject: dots
C:
C: ..
C: ..two
C: end
C: .
S: 250 queued as 1-1
C: NOOP
S: 250 ok
C: RSET
S: 250 ok
C: VRFY b
S: 252 send some mail and see
C: QUIT
S: 221 bye
S: EOF
`)
	wantRules(t, srv)
	m := wantMessages(t, srv, 1)[0]
	if got, want := string(m.Data), "Subject: dots\r\n\r\n.\r\n.two\r\nend\r\n"; got != want {
		t.Errorf("data %q, want %q", got, want)
	}
	if m.From != "a@example.com" || !slices.Equal(m.Addresses(), []string{"b@example.org", `"b c"@example.org`}) {
		t.Errorf("envelope %q %q", m.From, m.Addresses())
	}
	if m.ID != "1-1" || m.Helo != "client.example" || m.Chunks != 0 || m.SizeBytes != int64(len(m.Data)) || m.AcceptedAt.IsZero() {
		t.Errorf("message %+v", m)
	}
	if got := srv.Stats(); got.Messages != 1 || got.Conns != 1 || got.Flights != 10 || got.ContentBytes != m.SizeBytes {
		t.Errorf("stats %+v", got)
	}
	var lines []string
	for _, c := range srv.Commands() {
		lines = append(lines, c.Line)
	}
	if got, want := strings.Join(lines, "; "), `EHLO client.example; MAIL FROM:<a@example.com>; RCPT TO:<b@example.org>; `+
		`RCPT TO:<"b c"@example.org>; DATA; NOOP; RSET; VRFY b; QUIT`; got != want {
		t.Errorf("commands %s\nwant %s", got, want)
	}
	want := "S: 354 end with CR LF . CR LF\nC: [31 bytes].\nS: 250 queued as 1-1\n"
	if got := srv.Transcript(1); !strings.Contains(got, want) {
		t.Errorf("transcript\n%s\nlacks\n%s", got, want)
	}
}

func TestCapabilities(t *testing.T) {
	cfg := Config{Extensions: AllExtensions(), Users: map[string]string{"u": "p"}, Name: "relay.example"}
	cfg.BinaryMIME = true
	cfg.EHLO = []string{"LIMITS RCPTMAX=5"}
	srv := converse(t, cfg, `
S: 220 relay.example ESMTP
C: EHLO [127.0.0.1]
S: 250-relay.example
S: 250-PIPELINING
S: 250-SIZE 26214400
S: 250-8BITMIME
S: 250-SMTPUTF8
S: 250-CHUNKING
S: 250-BINARYMIME
S: 250-DSN
S: 250-ENHANCEDSTATUSCODES
S: 250-AUTH PLAIN LOGIN
S: 250 LIMITS RCPTMAX=5
C: HELO client.example
S: 250 relay.example
C: QUIT
S: 221 bye
`)
	wantRules(t, srv)
}

func TestPipelinedGroups(t *testing.T) {
	cfg := withExtensions(func(x *Extensions) { x.EHLO = nil })
	srv := converse(t, cfg, `
S: 220 mx.example.com ESMTP
C: EHLO client.example
S: 250-mx.example.com
S: 250-PIPELINING
S: 250-SIZE 26214400
S: 250-8BITMIME
S: 250-SMTPUTF8
S: 250-CHUNKING
S: 250-DSN
S: 250 ENHANCEDSTATUSCODES
C: MAIL FROM:<a@example.com> SIZE=7
C: RCPT TO:<b@example.org>
C: RCPT TO:<c@example.org>
C: DATA
S: 250 2.1.0 sender ok
S: 250 2.1.5 recipient ok
S: 250 2.1.5 recipient ok
S: 354 end with CR LF . CR LF
C: hello
C: .
C: MAIL FROM:<a@example.com> SIZE=3
C: RCPT TO:<b@example.org>
C: DATA
S: 250 2.0.0 queued as 1-1
S: 250 2.1.0 sender ok
S: 250 2.1.5 recipient ok
S: 354 end with CR LF . CR LF
C: x
C: .
C: QUIT
S: 250 2.0.0 queued as 1-2
S: 221 2.0.0 bye
S: EOF
`)
	wantRules(t, srv)
	wantMessages(t, srv, 2)
	if got := srv.Stats().Flights; got != 4 {
		t.Errorf("%d flights, want 4: EHLO, the first group, content with the second group, content with QUIT", got)
	}
}

func TestChunks(t *testing.T) {
	srv := converse(t, withExtensions(func(x *Extensions) { *x = Extensions{Chunking: true, Pipelining: true} }), `
S: 220...
C: EHLO client.example
S: 250-...
S: 250-...
S: 250 CHUNKING
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.org>
C: BDAT 7
C: .dot.
C: BDAT 6
C: last
C: BDAT 0 LAST
S: 250 sender ok
S: 250 recipient ok
S: 250 chunk of 7 bytes ok
S: 250 chunk of 6 bytes ok
S: 250 queued as 1-1
C: MAIL FROM:<>
C: RCPT TO:<b@example.org>
C: BDAT 3 LAST
C: y
S: 250...
S: 250...
S: 250 queued as 1-2
`)
	wantRules(t, srv)
	m := wantMessages(t, srv, 2)
	if string(m[0].Data) != ".dot.\r\nlast\r\n" || m[0].Chunks != 3 || string(m[1].Data) != "y\r\n" || m[1].From != "" {
		t.Errorf("messages %+v", m)
	}
	if got := srv.Stats().Flights; got != 3 {
		t.Errorf("%d flights, want 3", got)
	}
}

func TestChunkRefused(t *testing.T) {
	cfg := withExtensions(func(x *Extensions) { *x = Extensions{Chunking: true, Pipelining: true} })
	cfg.Hook = OnNth(BDAT, 1, Action{Reply: "452 4.3.1 full"})
	srv := converse(t, cfg, `
S: 220...
C: EHLO client.example
S: 250-...
S: 250-...
S: 250 CHUNKING
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.org>
C: BDAT 3
C: x
C: BDAT 3 LAST
C: y
C: RSET
S: 250...
S: 250...
S: 452 4.3.1 full
S: 503 no valid recipients, or an earlier chunk was refused
S: 250 ok
`)
	wantRules(t, srv)
	wantMessages(t, srv, 0)
}

// SMTP row 23: 354 arrives though every recipient was refused.
func TestLoneDotAfterRefusedRecipients(t *testing.T) {
	for _, tc := range []struct {
		name, content string
		rules         []Rule
	}{
		{"lone dot", "C: .", nil},
		{"body", "C: hello\nC: .", []Rule{RuleNoRecipient}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg := withExtensions(func(x *Extensions) { *x = Extensions{Pipelining: true} })
			cfg.Hook = func(e *Event) Action {
				switch e.Point {
				case RCPT:
					return Action{Reply: "550 no"}
				case DATA:
					return Action{Reply: "354 go"}
				}
				return Action{}
			}
			srv := converse(t, cfg, `
S: 220...
C: EHLO client.example
S: 250-...
S: 250 PIPELINING
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.org>
C: DATA
S: 250...
S: 550 no
S: 354 go
`+tc.content+`
S: 554 no valid recipients
C: QUIT
S: 221 bye
`)
			wantRules(t, srv, tc.rules...)
			wantMessages(t, srv, 0)
		})
	}
}

func TestParameters(t *testing.T) {
	x := AllExtensions()
	for _, tc := range []struct {
		line, want string
		rules      []Rule
	}{
		{"MAIL FROM:<a@example.com> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x+3Dy", "250", nil},
		{"MAIL FROM:<ä@example.com> SMTPUTF8", "250", nil},
		{"MAIL FROM:<a@[192.0.2.1]>", "250", nil},
		{"mail from:<a@example.com>", "250", nil},
		{"MAIL FROM:<ä@example.com>", "553", []Rule{RuleNonASCII}},
		{"MAIL FROM:<a@example.com> SIZE=99999999", "552", nil},
		{"MAIL FROM:<a@example.com> SIZE=x", "501", []Rule{RuleParameter}},
		{"MAIL FROM:<a@example.com> SIZE=1 SIZE=1", "501", []Rule{RuleParameter}},
		{"MAIL FROM:<a@example.com> BODY=BINARYMIME", "501", []Rule{RuleParameter}},
		{"MAIL FROM:<a@example.com> AUTH=<>", "555", []Rule{RuleParameter}},
		{"MAIL FROM:<a@example.com> NOTIFY=NEVER", "555", []Rule{RuleParameter}},
		{"MAIL FROM:<a@example.com>  RET=FULL", "501", []Rule{RuleParameter}},
		{"MAIL FROM: <a@example.com>", "501", []Rule{RuleSyntax}},
		{"MAIL FROM:<a b@example.com>", "501", []Rule{RuleSyntax}},
		{"MAIL FROM:<a@example.com", "501", []Rule{RuleSyntax}},
		{"MAIL FROM:<a@example.com>x", "501", []Rule{RuleSyntax}},
		{"MAIL FROM:<\"a\"b\"@example.com>", "501", []Rule{RuleSyntax}},
		{"MAIL FROM:<@relay.example:a@example.com>", "501", []Rule{RuleSyntax}},
		{"MAIL FROM:<" + strings.Repeat("a", 65) + "@example.com>", "501", []Rule{RuleSyntax}},
		{"MAIL TO:<a@example.com>", "501", []Rule{RuleSyntax}},
		{"MAIL FROM:<a@example.com>\nRCPT TO:<b@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@example.org", "250", nil},
		{"MAIL FROM:<a@example.com>\nRCPT TO:<Postmaster>", "250", nil},
		{"MAIL FROM:<a@example.com>\nRCPT TO:<>", "501", []Rule{RuleSyntax}},
		{"MAIL FROM:<a@example.com>\nRCPT TO:<b@example.org> NOTIFY=NEVER,DELAY", "501", []Rule{RuleParameter}},
		{"MAIL FROM:<a@example.com>\nRCPT TO:<b@example.org> ORCPT=b@example.org", "501", []Rule{RuleParameter}},
		{"MAIL FROM:<a@example.com>\nRCPT TO:<\"b> NOTIFY=NEVER\"@example.org>", "250", nil},
		{"MAIL FROM:<a@example.com>\nMAIL FROM:<a@example.com>", "503", []Rule{RuleSequence}},
		{"RCPT TO:<b@example.org>", "503", []Rule{RuleSequence}},
		{"DATA", "503", []Rule{RuleSequence}},
		{"BDAT 0 LAST", "503", []Rule{RuleSequence}},
		{"BDAT x", "501", []Rule{RuleSyntax}},
		{"AUTH PLAIN", "504", []Rule{RuleAuth}},
		{"STARTTLS", "502", []Rule{RuleUnknown}},
		{"EHLO under_score", "501", []Rule{RuleSyntax}},
		{"QUIT now", "501", []Rule{RuleSyntax}},
		{"EXPN list", "502", []Rule{RuleUnknown}},
		{"XYZZY", "500", []Rule{RuleUnknown}},
		{"NOOP " + strings.Repeat("x", 512), "500", []Rule{RuleLineLength}},
		{"NOOP " + strings.Repeat("x", 100_000), "500", []Rule{RuleLineLength}},
		{"NOOP bare\rCR", "500", []Rule{RuleBareCR}},
	} {
		t.Run(tc.line[:min(len(tc.line), 60)], func(t *testing.T) {
			first, second, two := strings.Cut(tc.line, "\n")
			script := "S: 220...\nC: EHLO client.example\n" + strings.Repeat("S: 250-...\n", 7) + "S: 250...\nC: " + first + "\n"
			if two {
				script += "S: 250...\nC: " + second + "\n"
			}
			srv := converse(t, Config{Extensions: x}, script+"S: "+tc.want+"...")
			wantRules(t, srv, tc.rules...)
		})
	}
}

func TestNothingOffered(t *testing.T) {
	srv := converse(t, Config{}, opening+`
C: MAIL FROM:<a@example.com> SIZE=1
S: 555 parameter SIZE not recognised
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.org>
S: 250...
S: 250...
C: BDAT 3 LAST
S: 502 not offered
`)
	wantRules(t, srv, RuleParameter, RulePipelining, RuleUnknown)
}

func TestContentViolations(t *testing.T) {
	for _, tc := range []struct {
		name, content, want string
		rules               []Rule
	}{
		{"fine", "a\r\n", "250", nil},
		{"empty", "", "250", nil},
		{"bare LF", "a\nb\r\n", "550", []Rule{RuleBareLF}},
		{"bare CR", "a\rb\r\n", "550", []Rule{RuleBareCR}},
		{"CR CR LF", "a\r\r\n", "550", []Rule{RuleBareCR}},
		{"LF dot LF", "a\n.\nb\r\n", "550", []Rule{RuleBareLF}},
		{"LF dot CRLF", "a\n.\r\nb\r\n", "550", []Rule{RuleBareLF}},
		{"CRLF dot LF", "a\r\n.\nb\r\n", "550", []Rule{RuleBareLF}},
		{"CR dot CR", "a\r.\rb\r\n", "550", []Rule{RuleBareCR}},
		{"CRLF dot CR", "a\r\n.\rb\r\n", "550", []Rule{RuleBareCR}},
		{"NUL", "a\x00b\r\n", "250", []Rule{RuleNUL}},
		{"8 bit", "caf\xc3\xa9 olé\r\n", "250", []Rule{RuleEightBit}},
		{"998", strings.Repeat("x", 998) + "\r\n", "250", nil},
		{"998 and a stuffed dot", ".." + strings.Repeat("x", 997) + "\r\n", "250", nil},
		{"999", strings.Repeat("x", 999) + "\r\n", "250", []Rule{RuleLineLength}},
		{"line larger than the buffer", strings.Repeat("x", 200_000) + "\r\n", "250", []Rule{RuleLineLength}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := bubble(t, Config{}, func(d *dialogue) {
				d.script(opening + toData)
				d.write(tc.content + ".\r\n")
				d.expect(tc.want + "...")
			})
			wantRules(t, srv, tc.rules...)
			if tc.want == "250" {
				m := wantMessages(t, srv, 1)[0]
				if want := strings.TrimPrefix(tc.content, "."); string(m.Data) != want {
					t.Errorf("data %.80q, want %.80q", m.Data, want)
				}
			}
		})
	}
}

const toData = `
C: MAIL FROM:<a@example.com>
S: 250...
C: RCPT TO:<b@example.org>
S: 250...
C: DATA
S: 354...
`

func TestSizeAndLimits(t *testing.T) {
	cfg := Config{Extensions: Extensions{SizeLimit: 10}, MaxRecipients: 1}
	srv := converse(t, cfg, `
S: 220...
C: EHLO client.example
S: 250-...
S: 250 SIZE 10
C: MAIL FROM:<a@example.com> SIZE=4
S: 250...
C: RCPT TO:<b@example.org>
S: 250...
C: RCPT TO:<c@example.org>
S: 452 too many recipients
C: DATA
S: 354...
C: abc
C: .
S: 250...
C: MAIL FROM:<a@example.com>
S: 250...
C: RCPT TO:<b@example.org>
S: 250...
C: DATA
S: 354...
C: abcdefghijk
C: .
S: 552 message too big
`)
	wantRules(t, srv, RuleSize)
	wantMessages(t, srv, 1)
}

// SMTP row 7.
func TestServiceRefused(t *testing.T) {
	srv := converse(t, Config{Hook: On(Greeting, Action{Reply: "554 no service"})}, `
S: 554 no service
C: EHLO client.example
S: 503 no service here
C: QUIT
S: 221 bye
S: EOF
`)
	wantRules(t, srv)
}

// Commands behind QUIT, and DATA with BDAT, are recorded.
func TestGroupViolations(t *testing.T) {
	cfg := Config{Extensions: Extensions{Pipelining: true, Chunking: true}}
	ehlo := "S: 220...\nC: EHLO client.example\nS: 250-...\nS: 250-...\nS: 250...\n"
	srv := converse(t, cfg, ehlo+`
C: QUIT
C: NOOP
S: 221 bye
S: EOF
`)
	wantRules(t, srv, RulePipelining, RuleAfterQuit)
	srv = converse(t, cfg, ehlo+`
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.org>
C: BDAT 0
C: DATA
S: 250...
S: 250...
S: 250...
S: 503 content has begun with BDAT
`)
	wantRules(t, srv, RuleMixed)
	srv = converse(t, cfg, ehlo+`
C: MAIL FROM:<a@example.com>
C: RCPT TO:<b@example.org>
C: DATA
C: too early
C: .
S: 250...
S: 250...
S: 354...
S: 250...
`)
	wantRules(t, srv, RulePipelining)
}

func TestEarlyTalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := make(chan struct{})
		srv := New(Config{Hook: On(Greeting, Action{Wait: wait})})
		d := newDialogue(t, srv)
		d.write("EHLO client.example\r\n")
		synctest.Wait()
		close(wait)
		d.script("S: 220...\nS: 250...")
		srv.Close()
		wantRules(t, srv, RuleEarlyTalk)
	})
}
