package netsmtp_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

// TestSendMail: over a real socket, the message arrives as it was given.
func TestSendMail(t *testing.T) {
	for name, cfg := range map[string]smtpfake.Config{
		"plain":      {},
		"every one":  {Extensions: smtpfake.AllExtensions()},
		"with login": withUser(smtpfake.Config{RequireAuth: true}),
	} {
		t.Run(name, func(t *testing.T) {
			server := smtpfake.Start(t, cfg)
			var auth netsmtp.Auth
			if len(cfg.Users) > 0 {
				auth = logIn
			}
			if err := netsmtp.SendMail(server.Addr(), auth, from, both, message); err != nil {
				t.Fatal(err)
			}
			server.WaitIdle()
			m := server.Messages()
			if len(m) != 1 || m[0].From != from || !slices.Equal(m[0].Addresses(), both) || !bytes.Equal(m[0].Data, message) || m[0].Helo != "localhost" || m[0].Chunks != 0 {
				t.Errorf("got %+v", m)
			}
			if v := server.Violations(); len(v) > 0 {
				t.Error(v)
			}
		})
	}
}

// TestRefusals: Difference 8. A refusal at any step is told in the server's own words, as net/smtp tells
// it, and with the verdict.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    smtpfake.Point
		reply string
		code  int
		msg   string
		scope mailer.Scope
	}{
		{"greeting", smtpfake.Greeting, "554 5.3.2 go away, ann@example.com", 554, "5.3.2 go away, ann@example.com", mailer.ScopeProvider},
		{"EHLO", smtpfake.EHLO, "421 4.3.2 later", 421, "4.3.2 later", mailer.ScopeProvider},
		{"AUTH", smtpfake.AUTH, "535-5.7.8 no\n535 5.7.8 never", 535, "5.7.8 no\n5.7.8 never", mailer.ScopeAccount},
		{"MAIL", smtpfake.MAIL, "550 5.7.1 not from you", 550, "5.7.1 not from you", mailer.ScopeSender},
		{"RCPT", smtpfake.RCPT, "550 5.1.1 <bob@example.net> who?", 550, "5.1.1 <bob@example.net> who?", mailer.ScopeRecipient},
		{"RCPT, long", smtpfake.RCPT, "450 " + strings.Repeat("x", 900), 450, strings.Repeat("x", 900), mailer.ScopeRecipient},
		{"DATA", smtpfake.DATA, "451 4.3.0 not now", 451, "4.3.0 not now", mailer.ScopeProvider},
		{"content", smtpfake.Content, "554 5.7.1 spam", 554, "5.7.1 spam", mailer.ScopeMessage},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := smtpfake.Start(t, withUser(on(c.at, smtpfake.Action{Reply: c.reply})))
			err := netsmtp.SendMail(server.Addr(), logIn, from, both, message)
			wantTruth(t, server, err)
			e := sendError(t, err)
			if e.Outcome != mailer.NotAccepted || e.Scope != c.scope || e.Code != c.code || e.Protocol != "smtp" || len(e.Receipt.Recipients) != 2 {
				t.Errorf("got %+v of %+v", e, e.Receipt)
			}
			var said *textproto.Error
			if !errors.As(err, &said) || said.Code != c.code || said.Msg != c.msg {
				t.Errorf("got %+v, want %d %q", said, c.code, c.msg)
			}
			if text := err.Error(); strings.Contains(text, "@") || strings.Contains(text, "\n") || !strings.HasPrefix(text, "smtp: "+c.reply[:3]) {
				t.Errorf("shown as %q", text)
			}
		})
	}
}

// TestNoSuchHost: a name that is not there is a mistake in the configuration, and not an outage.
func TestNoSuchHost(t *testing.T) {
	for isNotFound, want := range map[bool]mailer.Scope{true: mailer.ScopeAccount, false: mailer.ScopeProvider} {
		rig := netsmtp.Rig{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "mail.example.com", IsNotFound: isNotFound}}
		}}
		e := sendError(t, rig.SendMail(t.Context(), "mail.example.com:587", nil, from, both, message))
		if e.Outcome != mailer.NotAccepted || e.Scope != want {
			t.Errorf("not found %v: %v, %v", isNotFound, e.Outcome, e.Scope)
		}
	}
}

// TestAllOrNone: one refused recipient keeps the message from all; each is told his own fate.
func TestAllOrNone(t *testing.T) {
	refuseCid := func(e *smtpfake.Event) smtpfake.Action {
		if e.Point == smtpfake.RCPT && strings.Contains(e.Arg, "cid@") {
			return smtpfake.Action{Reply: "550 5.1.1 who"}
		}
		return smtpfake.Action{}
	}
	for name, ext := range map[string]smtpfake.Extensions{"step by step": {}, "in one flight": {Pipelining: true}} {
		t.Run(name, func(t *testing.T) {
			server := smtpfake.Start(t, smtpfake.Config{Extensions: ext, Hook: refuseCid})
			err := netsmtp.SendMail(server.Addr(), nil, from, both, message)
			wantTruth(t, server, err)
			e := sendError(t, err)
			r := e.Receipt.Recipients
			if e.Code != 550 || r[0].Outcome != mailer.NotAccepted || r[0].Code != 0 || r[1].Code != 550 || r[1].EnhancedCode != "5.1.1" {
				t.Errorf("got %v: %+v", err, r)
			}
		})
	}
}

// TestOneOfSeveral: who refuses one recipient and takes another has nothing against the account.
func TestOneOfSeveral(t *testing.T) {
	for reply, want := range map[string]mailer.SendError{
		"554 5.7.1 not him":  {Scope: mailer.ScopeRecipient},
		"530 not him":        {Scope: mailer.ScopeRecipient},
		"452 4.5.3 too many": {Scope: mailer.ScopeRecipient, Temporary: true, Elsewhere: true},
	} {
		server := smtpfake.Start(t, smtpfake.Config{Hook: smtpfake.OnNth(smtpfake.RCPT, 2, smtpfake.Action{Reply: reply})})
		err := netsmtp.SendMail(server.Addr(), nil, from, both, message)
		wantTruth(t, server, err)
		e := sendError(t, err)
		r := e.Receipt.Recipients[1]
		if e.Scope != want.Scope || e.Temporary != want.Temporary || e.Elsewhere != want.Elsewhere || e.Scope != r.Scope {
			t.Errorf("%s: %v, temporary %v, elsewhere %v; the recipient's: %+v", reply, e.Scope, e.Temporary, e.Elsewhere, r)
		}
	}
}

// TestOneFlight: Difference 13.
func TestOneFlight(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{Extensions: smtpfake.Extensions{Pipelining: true}})
	if err := netsmtp.SendMail(server.Addr(), nil, from, both, message); err != nil {
		t.Fatal(err)
	}
	server.WaitIdle()
	// EHLO; MAIL, RCPT and RCPT; DATA; the content; QUIT.
	if n := server.Stats().Flights; n != 5 {
		t.Errorf("%d flights:\n%s", n, server.Transcript(1))
	}
}

// TestAfterAcceptance: Difference 7, P8, SMTP row 35. What goes wrong after the message was taken is not its
// failure, for which net/smtp takes it.
func TestAfterAcceptance(t *testing.T) {
	for name, a := range map[string]smtpfake.Action{
		"closes":    {Silent: true, Then: smtpfake.FIN},
		"resets":    {Silent: true, Then: smtpfake.RST},
		"refuses":   {Reply: "500 what?"},
		"closing":   {Reply: "421 4.3.2 bye", Then: smtpfake.FIN},
		"babbles":   {Raw: strings.Repeat("\x00", 100_000)},
		"cut short": {Raw: "22", Then: smtpfake.FIN},
	} {
		t.Run(name, func(t *testing.T) {
			server := smtpfake.Start(t, on(smtpfake.QUIT, a))
			if err := netsmtp.SendMail(server.Addr(), nil, from, both, message); err != nil {
				t.Errorf("accepted, and then: %v", err)
			}
			server.WaitIdle()
			if n := len(server.Messages()); n != 1 {
				t.Errorf("%d messages", n)
			}
			if err := smtp.SendMail(server.Addr(), nil, from, both, message); err == nil {
				t.Error("net/smtp does not mind either: this is no difference")
			}
		})
	}
}

// TestLongReplies: Difference 2. What a reply may have SendMail takes in, and not more.
func TestLongReplies(t *testing.T) {
	lines := func(n, length int) string {
		line := strings.Repeat("x", length-len("250-\r\n")) + "\r\n"
		return strings.Repeat("250-"+line, n-1) + "250 " + line
	}
	for _, c := range []struct {
		name, reply string
		accepted    bool
	}{
		{"128 lines", lines(128, 20), true}, {"129 lines", lines(129, 20), false},
		{"4 KiB in a line", lines(2, 4<<10), true}, {"more in a line", lines(2, 4<<10+1), false},
		{"64 KiB", lines(64, 1<<10), true}, {"more", lines(65, 1<<10), false},
	} {
		for _, at := range []smtpfake.Point{smtpfake.EHLO, smtpfake.MAIL, smtpfake.RCPT} {
			server := smtpfake.Start(t, on(at, smtpfake.Action{Raw: c.reply}))
			err := netsmtp.SendMail(server.Addr(), nil, from, both, message)
			wantTruth(t, server, err)
			if (err == nil) != c.accepted {
				t.Errorf("%s, at %v: %v", c.name, at, err)
			}
		}
	}
}

// TestOtherSuccess: Difference 7. Success is told by the first digit (RFC 5321 section 4.2.1), for which net/smtp
// wants 250 and a text.
func TestOtherSuccess(t *testing.T) {
	for _, reply := range []string{"250\r\n", "251 as you like\r\n", "200-done\r\n200 it\r\n"} {
		for _, at := range []smtpfake.Point{smtpfake.MAIL, smtpfake.Content} {
			server := smtpfake.Start(t, on(at, smtpfake.Action{Raw: reply, Decision: smtpfake.Accept}))
			if err := netsmtp.SendMail(server.Addr(), nil, from, both, message); err != nil {
				t.Errorf("%q: %v", reply, err)
			}
			server.WaitIdle()
			if n := len(server.Messages()); n != 1 {
				t.Errorf("%q: %d messages", reply, n)
			}
			if err := smtp.SendMail(server.Addr(), nil, from, both, message); err == nil {
				t.Errorf("%q: net/smtp takes it as well: this is no difference", reply)
			}
		}
	}
}

// TestAmbiguousEnd: Difference 8, SMTP rows 28 to 30. The server took the message, or not, and did not say so.
func TestAmbiguousEnd(t *testing.T) {
	for name, a := range map[string]smtpfake.Action{
		"taken, closed":    {Decision: smtpfake.Accept, Silent: true, Then: smtpfake.FIN},
		"refused, closed":  {Decision: smtpfake.Refuse, Silent: true, Then: smtpfake.FIN},
		"taken, reset":     {Decision: smtpfake.Accept, Silent: true, Then: smtpfake.RST},
		"taken, cut short": {Decision: smtpfake.Accept, Raw: "250-queu", Then: smtpfake.FIN},
		"taken, garbage":   {Decision: smtpfake.Accept, Raw: "OK\r\n"},
		"taken, 354":       {Decision: smtpfake.Accept, Reply: "354 go on"},
	} {
		t.Run(name, func(t *testing.T) {
			server := smtpfake.Start(t, on(smtpfake.Content, a))
			err := netsmtp.SendMail(server.Addr(), nil, from, both, message)
			if !errors.Is(err, mailer.ErrUnknownOutcome) || sendError(t, err).Receipt.Outcome != mailer.Unknown {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestAddresses: Difference 9, P16. What could break out of a command is refused before anybody is asked.
func TestAddresses(t *testing.T) {
	const text = "smtp: A line must not contain CR or LF"
	for _, c := range []struct {
		from string
		to   []string
		text string // of the error; empty for any
	}{
		{"ann@example.com\r\nRCPT TO:<eve@example.com>", both, text}, {from, []string{bob, "b@x\nDATA"}, text}, {from, []string{"b@x\r"}, text},
		{"ann@example.com> SIZE=1", both, ""}, {from, []string{"b@x> NOTIFY=NEVER"}, ""}, {from, []string{"b@x>"}, ""}, {from, []string{"<b@x>"}, ""},
		{from, []string{"Bob <b@x>"}, ""}, {from, []string{"b@x\x00"}, ""}, {from, []string{"b\tb@x"}, ""}, {from, []string{`"b b"@x`}, ""},
		{from, []string{"b@x ORCPT=rfc822;c@x"}, ""}, {from, []string{""}, ""}, {from, nil, ""}, {"\x7f", both, ""},
	} {
		server := smtpfake.Start(t, smtpfake.Config{})
		err := netsmtp.SendMail(server.Addr(), nil, c.from, c.to, message)
		wantTruth(t, server, err)
		if err == nil || c.text != "" && err.Error() != c.text || sendError(t, err).Scope != mailer.ScopeCaller {
			t.Errorf("from %q to %q: %v", c.from, c.to, err)
		}
		if n := server.Stats().Conns; n != 0 {
			t.Errorf("from %q to %q: the server was asked", c.from, c.to)
		}
	}
}

// TestLooseAddresses: what a server may take is up to the server.
func TestLooseAddresses(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{Extensions: smtpfake.AllExtensions()})
	to := []string{bob, bob, `"b.b"@example.net`, "bob@[192.0.2.1]", "jörg@example.net"}
	if err := netsmtp.SendMail(server.Addr(), nil, "", to, message); err != nil {
		t.Fatal(err)
	}
	server.WaitIdle()
	m := server.Messages()
	if len(m) != 1 || m[0].From != "" || !slices.Equal(m[0].Addresses(), to) || !m[0].Params.Has("SMTPUTF8") {
		t.Errorf("got %+v", m)
	}
}

// TestUTF8Addresses: Difference 12.
func TestUTF8Addresses(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{})
	err := netsmtp.SendMail(server.Addr(), nil, from, []string{"jörg@example.net"}, message)
	wantTruth(t, server, err)
	if !errors.Is(err, mailer.ErrUnsupported) || len(server.Violations()) > 0 {
		t.Errorf("got %v, %v", err, server.Violations())
	}
}

// TestWrongAddr: what is wrong with the server's address is told as net.Dial tells it.
func TestWrongAddr(t *testing.T) {
	for _, addr := range []string{"", "localhost", "localhost:no-such-service", "[::1"} {
		err := netsmtp.SendMail(addr, nil, from, both, message)
		if e := sendError(t, err); e.Outcome != mailer.NotAccepted || !strings.HasPrefix(err.Error(), "smtp: ") {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

// TestNamedPorts: host names and services by name are looked up, as net.Dial does.
func TestHostName(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{})
	addr := strings.Replace(server.Addr(), "127.0.0.1", "localhost", 1)
	if err := netsmtp.SendMailContext(context.Background(), addr, nil, from, both, message); err != nil {
		t.Error(err)
	}
}
