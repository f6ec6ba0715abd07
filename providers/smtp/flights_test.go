package smtp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestFlights is G1: the round trips of a message on a warm connection, counted by the
// server, and nothing said beside the message.
func TestFlights(t *testing.T) {
	const messages = 100
	noPipelining := smtpfake.Extensions{EightBitMIME: true, SizeLimit: -1}
	all := smtpfake.AllExtensions()
	for _, c := range []struct {
		name   string
		server smtpfake.Config
		client func(*smtp.Config)
		msg    func(*mailer.Message)
		to     int
		each   int64 // round trips a message
		verbs  string
	}{
		{name: "PIPELINING", server: smtpfake.Config{Extensions: relay}, to: 1, each: 2, verbs: "MAIL RCPT DATA"},
		{name: "PIPELINING, three recipients", server: smtpfake.Config{Extensions: relay}, to: 3, each: 2, verbs: "MAIL RCPT RCPT RCPT DATA"},
		{name: "PIPELINING, one refused", server: smtpfake.Config{Extensions: relay, Hook: refuseCid}, to: 3, each: 2, verbs: "MAIL RCPT RCPT RCPT DATA"},
		{name: "CHUNKING", server: smtpfake.Config{Extensions: all}, to: 1, each: 2, verbs: "MAIL RCPT BDAT"},
		{name: "CHUNKING, TLS", server: tickets(smtpfake.Config{Extensions: all}), client: useTLS(smtp.STARTTLS), to: 1, each: 2, verbs: "MAIL RCPT BDAT"},
		{name: "CHUNKING, all or none", server: smtpfake.Config{Extensions: all}, msg: allOrNone, to: 2, each: 2, verbs: "MAIL RCPT RCPT BDAT"},
		{name: "one flight, at least once", server: smtpfake.Config{Extensions: all}, msg: atLeastOnce, to: 1, each: 1, verbs: "MAIL RCPT BDAT"},
		{name: "one flight, by option", server: smtpfake.Config{Extensions: all}, client: func(c *smtp.Config) { c.OneFlight = true }, to: 3, each: 1,
			verbs: "MAIL RCPT RCPT RCPT BDAT"},
		{name: "one flight is not for all or none", server: smtpfake.Config{Extensions: all}, client: func(c *smtp.Config) { c.OneFlight = true },
			msg: allOrNone, to: 2, each: 2, verbs: "MAIL RCPT RCPT BDAT"},
		{name: "CHUNKING switched off", server: smtpfake.Config{Extensions: all}, client: func(c *smtp.Config) { c.DisableChunking = true }, to: 1, each: 2,
			verbs: "MAIL RCPT DATA"},
		{name: "all or none", server: smtpfake.Config{Extensions: relay}, msg: allOrNone, to: 2, each: 3, verbs: "MAIL RCPT RCPT DATA"},
		{name: "lock-step", server: smtpfake.Config{Extensions: noPipelining}, to: 2, each: 5, verbs: "MAIL RCPT RCPT DATA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(c.server)
				cfg := plaintext(nil)
				if c.client != nil {
					c.client(&cfg)
				}
				cfg.Dial, cfg.MaxMessagesPerConn = pipeTo(server), -1
				client := must(smtp.New(cfg))
				defer closeAll(t, client, server)
				send := func() {
					msg := newMessage(c.to)
					if c.msg != nil {
						c.msg(msg)
					}
					if receipt, err := client.Send(t.Context(), msg); receipt == nil {
						t.Fatal(err)
					}
				}
				send()
				before, said := server.Stats(), len(server.Commands())
				for range messages {
					send()
				}
				after := server.Stats()
				if got := after.Flights - before.Flights; got != c.each*messages {
					t.Errorf("%.2f round trips a message, want %d.00", float64(got)/messages, c.each)
				}
				if after.Conns != 1 || after.Messages != messages+1 {
					t.Errorf("%d messages over %d connections", after.Messages, after.Conns)
				}
				verbs := verbsOf(server.Commands()[said:])
				if want := strings.TrimSpace(strings.Repeat(c.verbs+" ", messages)); verbs != want {
					t.Errorf("commands %.200s..., want %s for each", verbs, c.verbs)
				}
			})
		})
	}
}

func verbsOf(commands []smtpfake.Command) string {
	verbs := make([]string, len(commands))
	for i, c := range commands {
		verbs[i], _, _ = strings.Cut(c.Line, " ")
	}
	return strings.Join(verbs, " ")
}

// A transcriptCase is a message and the very lines that the client says for it.
type transcriptCase struct {
	name   string
	server smtpfake.Config
	msg    func(*mailer.Message)
	to     int
	want   []string // after EHLO; SIZE stands for the size of the content
}

var transcriptCases = []transcriptCase{
	{name: "nothing offered", want: []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "DSN", server: smtpfake.Config{Extensions: smtpfake.Extensions{Pipelining: true, DSN: true}},
		msg: func(m *mailer.Message) {
			m.DSN = mailer.DSN{Notify: mailer.NotifySuccess | mailer.NotifyFailure | mailer.NotifyDelay, ReturnFull: true, EnvelopeID: "a+b=c"}
		},
		want: []string{"MAIL FROM:<ann@example.com> RET=FULL ENVID=a+2Bb+3Dc", "RCPT TO:<bob@example.net> NOTIFY=SUCCESS,FAILURE,DELAY", "DATA"}},
	{name: "DSN never", server: smtpfake.Config{Extensions: smtpfake.Extensions{DSN: true}}, to: 2,
		msg: func(m *mailer.Message) { m.DSN = mailer.DSN{Notify: mailer.NotifyNever} },
		want: []string{"MAIL FROM:<ann@example.com> RET=HDRS", "RCPT TO:<bob@example.net> NOTIFY=NEVER",
			"RCPT TO:<cid@example.net> NOTIFY=NEVER", "DATA"}},
	{name: "DSN not asked for", server: smtpfake.Config{Extensions: smtpfake.Extensions{DSN: true}},
		want: []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "DSN not offered", msg: func(m *mailer.Message) { m.DSN = mailer.DSN{Notify: mailer.NotifyFailure, EnvelopeID: "x"} },
		want: []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "SIZE", server: smtpfake.Config{Extensions: smtpfake.Extensions{SizeLimit: -1}},
		want: []string{"MAIL FROM:<ann@example.com> SIZE=SIZE", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "8BITMIME not needed", server: smtpfake.Config{Extensions: smtpfake.Extensions{EightBitMIME: true}},
		want: []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "8BITMIME needed", server: smtpfake.Config{Extensions: smtpfake.Extensions{EightBitMIME: true}}, msg: dots,
		want: []string{"MAIL FROM:<ann@example.com> BODY=8BITMIME", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "8BITMIME needed and not offered", msg: dots,
		want: []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "SMTPUTF8 not needed", server: smtpfake.Config{Extensions: smtpfake.Extensions{EightBitMIME: true, SMTPUTF8: true}},
		want: []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "an international domain has an ASCII form", server: smtpfake.Config{Extensions: smtpfake.Extensions{EightBitMIME: true, SMTPUTF8: true}},
		msg:  func(m *mailer.Message) { m.To[0].Address = "bob@bücher.example" },
		want: []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@xn--bcher-kva.example>", "DATA"}},
	{name: "SMTPUTF8 needed", server: smtpfake.Config{Extensions: smtpfake.Extensions{EightBitMIME: true, SMTPUTF8: true}}, msg: utf8Local,
		want: []string{"MAIL FROM:<ann@example.com> BODY=8BITMIME SMTPUTF8", "RCPT TO:<bøb@example.net>", "DATA"}},
	{name: "null return path", msg: func(m *mailer.Message) { m.ReturnPath = "<>" },
		want: []string{"MAIL FROM:<>", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "return path", msg: func(m *mailer.Message) { m.ReturnPath = "bounce+1=x@example.org" },
		want: []string{"MAIL FROM:<bounce+1=x@example.org>", "RCPT TO:<bob@example.net>", "DATA"}},
	{name: "blind and repeated recipients", msg: func(m *mailer.Message) {
		m.Cc = []mailer.Address{{Address: "cid@example.net"}, {Address: "bob@EXAMPLE.net"}}
		m.Bcc = []mailer.Address{{Address: "dan@example.net"}}
	}, want: []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "RCPT TO:<cid@example.net>", "RCPT TO:<dan@example.net>", "DATA"}},
	{name: "everything offered", server: smtpfake.Config{Extensions: smtpfake.AllExtensions()},
		want: []string{"MAIL FROM:<ann@example.com> SIZE=SIZE", "RCPT TO:<bob@example.net>", "BDAT SIZE LAST"}},
	{name: "RCPTMAX", server: smtpfake.Config{Extensions: smtpfake.Extensions{EHLO: []string{"LIMITS RCPTMAX=2"}}}, to: 3,
		want: []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "RCPT TO:<cid@example.net>", "DATA"}},
}

// TestTranscripts: parameters are sent when they are offered and needed, and only then.
func TestTranscripts(t *testing.T) {
	for _, c := range transcriptCases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(c.server)
				client := must(smtp.New(plaintext(pipeTo(server))))
				defer closeAll(t, client, server)
				msg := newMessage(max(1, c.to))
				if c.msg != nil {
					c.msg(msg)
				}
				if receipt, err := client.Send(t.Context(), msg); receipt == nil {
					t.Fatal(err)
				}
				size := fmt.Sprint(server.Messages()[0].SizeBytes)
				want := append([]string{"EHLO client.example.com"}, c.want...)
				for i := range want {
					want[i] = strings.ReplaceAll(strings.Replace(want[i], "=SIZE", "="+size, 1), "BDAT SIZE", "BDAT "+size)
				}
				if got := linesOf(server); !slices.Equal(got, want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				for _, v := range server.Violations() {
					t.Errorf("violation: %v", v)
				}
			})
		})
	}
}

func linesOf(server *smtpfake.Server) []string {
	var lines []string
	for _, c := range server.Commands() {
		lines = append(lines, c.Line)
	}
	return lines
}

// TestReset: a transaction that was refused leaves the server in the middle of one. The
// next begins with RSET, in the same flight where there is PIPELINING.
func TestReset(t *testing.T) {
	transaction := []string{"MAIL FROM:<ann@example.com>", "RCPT TO:<bob@example.net>", "DATA"}
	for _, c := range []struct {
		name    string
		hook    smtpfake.Hook
		ext     smtpfake.Extensions
		want    []string
		flights int64 // of the second message
	}{
		{"sender refused", smtpfake.OnNth(smtpfake.MAIL, 1, smtpfake.Action{Reply: "550 5.7.1 no"}), smtpfake.Extensions{},
			slices.Concat(transaction[:1], []string{"RSET"}, transaction), 5},
		{"recipient refused", smtpfake.OnNth(smtpfake.RCPT, 1, smtpfake.Action{Reply: "550 5.1.1 who"}), smtpfake.Extensions{},
			slices.Concat(transaction[:2], []string{"RSET"}, transaction), 5},
		{"DATA refused", smtpfake.OnNth(smtpfake.DATA, 1, smtpfake.Action{Reply: "451 4.3.0 no"}), smtpfake.Extensions{},
			slices.Concat(transaction, []string{"RSET"}, transaction), 5},
		{"recipient refused, pipelined", smtpfake.OnNth(smtpfake.RCPT, 1, smtpfake.Action{Reply: "550 5.1.1 who"}), smtpfake.Extensions{Pipelining: true},
			slices.Concat(transaction, []string{"RSET"}, transaction), 2},
		{"content refused", smtpfake.OnNth(smtpfake.Content, 1, smtpfake.Action{Reply: "550 5.7.1 no"}), smtpfake.Extensions{},
			slices.Concat(transaction, transaction), 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: c.ext, Hook: c.hook})
				client := must(smtp.New(plaintext(pipeTo(server))))
				if _, err := client.Send(t.Context(), newMessage(1)); err == nil {
					t.Fatal("the first message was not refused")
				}
				before := server.Stats().Flights
				if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
					t.Fatal(err)
				}
				flights := server.Stats().Flights - before
				closeAll(t, client, server)
				want := slices.Concat([]string{"EHLO client.example.com"}, c.want, []string{"QUIT"})
				if got := linesOf(server); !slices.Equal(got, want) {
					t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				if flights != c.flights {
					t.Errorf("%d round trips, want %d", flights, c.flights)
				}
				for _, v := range server.Violations() {
					t.Errorf("violation: %v", v)
				}
			})
		})
	}
}

// TestQuitIsNotAwaited: the end of a connection costs the message nothing.
func TestQuitIsNotAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := smtpfake.New(smtpfake.Config{Extensions: relay, Hook: smtpfake.On(smtpfake.QUIT, hang)})
		cfg := plaintext(pipeTo(server))
		cfg.MaxMessagesPerConn = 1
		client := must(smtp.New(cfg))
		defer closeAll(t, client, server)
		start := time.Now()
		if _, err := client.Send(t.Context(), newMessage(1)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("took %v", took)
		}
		synctest.Wait()
		if lines := linesOf(server); lines[len(lines)-1] != "QUIT" {
			t.Errorf("the last line is %q", lines[len(lines)-1])
		}
	})
}
