package main

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
)

// A faultCase is a server with a fault, and what the program has to say about it.
type faultCase struct {
	name   string
	server func(*smtpfake.Config)
	scheme string   // smtp unless set
	addr   string   // the server's unless set
	args   []string // besides -json and the envelope
	to     int      // recipients; zero means 1

	exit    int
	outcome mailer.Outcome
	scope   mailer.Scope // of the attempt
	code    int
	copies  int  // that the server has
	slow    bool // it would be a while until anything went wrong
}

func hook(p smtpfake.Point, a smtpfake.Action) func(*smtpfake.Config) {
	return func(c *smtpfake.Config) { c.Hook = smtpfake.On(p, a) }
}

func reply(p smtpfake.Point, text string) func(*smtpfake.Config) {
	return hook(p, smtpfake.Action{Reply: text})
}

func implicitTLS(next func(*smtpfake.Config)) func(*smtpfake.Config) {
	return func(c *smtpfake.Config) {
		c.ImplicitTLS = true
		next(c)
	}
}

func nothing(*smtpfake.Config) {}

func expired(c *smtpfake.Config)   { c.TLS = testcert.Server(certs.Expired) }
func wrongName(c *smtpfake.Config) { c.TLS = testcert.Server(certs.WrongName) }

var (
	garbage = hook(smtpfake.Handshake, smtpfake.Action{Raw: "this is no handshake\r\n", Then: smtpfake.FIN})
	lost    = smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.RST}
	silent  = smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.Hang}
)

var faultCases = []faultCase{
	{name: "nothing listens", server: nothing, addr: nobody,
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider},
	{name: "silent greeting", server: hook(smtpfake.Greeting, smtpfake.Action{Silent: true, Then: smtpfake.Hang}),
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider, slow: true},
	{name: "greeting 421", server: reply(smtpfake.Greeting, "421 4.3.2 later"),
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider, code: 421},
	{name: "greeting 554", server: reply(smtpfake.Greeting, "554 no service"),
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider, code: 554},
	{name: "handshake fails", server: implicitTLS(garbage), scheme: "smtps",
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider},
	{name: "handshake fails after STARTTLS", server: garbage,
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider},
	{name: "expired certificate", server: expired,
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider},
	{name: "expired certificate, implicit TLS", server: implicitTLS(expired), scheme: "smtps",
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider},
	{name: "certificate for another name", server: wrongName,
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider},
	{name: "STARTTLS not offered", server: func(c *smtpfake.Config) { c.TLS, c.RequireTLS = nil, false },
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider},
	{name: "injection after STARTTLS", server: hook(smtpfake.STARTTLS, smtpfake.Action{Raw: "220 go ahead\r\n250 injected\r\n"}),
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider},
	{name: "AUTH 535", server: func(c *smtpfake.Config) { c.Users = map[string]string{user: "another"} },
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeAccount, code: 535},
	{name: "AUTH 535 that repeats the password", server: reply(smtpfake.AUTH, "535 5.7.8 no: "+password),
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeAccount, code: 535},
	{name: "AUTH not offered", server: func(c *smtpfake.Config) { c.Users, c.RequireAuth = nil, false },
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeAccount},
	{name: "sender refused", server: reply(smtpfake.MAIL, "550 5.7.1 not yours"),
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeSender, code: 550},
	{name: "recipient unknown", server: reply(smtpfake.RCPT, "550 5.1.1 who"),
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeRecipient, code: 550},
	{name: "one recipient of three refused", to: 3, server: func(c *smtpfake.Config) {
		c.Hook = smtpfake.OnNth(smtpfake.RCPT, 2, smtpfake.Action{Reply: "550 5.1.1 who"})
	}, exit: 4, outcome: mailer.PartlyAccepted, scope: mailer.ScopeRecipient, code: 550, copies: 1},
	{name: "connection lost at RCPT", to: 3, server: func(c *smtpfake.Config) {
		c.Hook = smtpfake.OnNth(smtpfake.RCPT, 2, smtpfake.Action{Silent: true, Then: smtpfake.RST})
	}, exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider},
	{name: "DATA 451", server: func(c *smtpfake.Config) {
		c.Chunking = false
		c.Hook = smtpfake.On(smtpfake.DATA, smtpfake.Action{Reply: "451 4.3.0 not now"})
	}, exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider, code: 451},
	{name: "content refused", server: reply(smtpfake.Content, "550 5.7.1 spam"),
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeMessage, code: 550},
	{name: "content 451", server: reply(smtpfake.Content, "451 4.3.0 not now"),
		exit: 1, outcome: mailer.NotAccepted, scope: mailer.ScopeProvider, code: 451},
	{name: "reply to the content lost", server: hook(smtpfake.Content, lost),
		exit: 3, outcome: mailer.Unknown, scope: mailer.ScopeProvider, copies: 1},
	{name: "reply to the dot lost", server: func(c *smtpfake.Config) {
		c.Chunking = false
		c.Hook = smtpfake.On(smtpfake.Content, lost)
	}, exit: 3, outcome: mailer.Unknown, scope: mailer.ScopeProvider, copies: 1},
	{name: "content dropped and reply lost", server: hook(smtpfake.Content, smtpfake.Action{Decision: smtpfake.Refuse, Silent: true, Then: smtpfake.FIN}),
		exit: 3, outcome: mailer.Unknown, scope: mailer.ScopeProvider},
	{name: "silence after the content", server: hook(smtpfake.Content, silent), args: []string{"-timeout", "2s"},
		exit: 3, outcome: mailer.Unknown, scope: mailer.ScopeCaller, copies: 1},
	{name: "closed after acceptance", server: hook(smtpfake.Content, smtpfake.Action{Then: smtpfake.FIN}),
		exit: 0, outcome: mailer.Accepted, code: 250, copies: 1},
	{name: "silence after QUIT", server: hook(smtpfake.QUIT, smtpfake.Action{Silent: true, Then: smtpfake.Hang}),
		exit: 0, outcome: mailer.Accepted, code: 250, copies: 1},
	{name: "QUIT refused", server: hook(smtpfake.QUIT, smtpfake.Action{Reply: "500 what", Then: smtpfake.RST}),
		exit: 0, outcome: mailer.Accepted, code: 250, copies: 1},
	{name: "accepted", server: nothing,
		exit: 0, outcome: mailer.Accepted, code: 250, copies: 1},
	{name: "accepted, implicit TLS", server: implicitTLS(nothing), scheme: "smtps",
		exit: 0, outcome: mailer.Accepted, code: 250, copies: 1},
}

func TestFaults(t *testing.T) {
	for _, c := range faultCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func (c *faultCase) run(t *testing.T) {
	server := c.serve(t)
	_, wait := start(t, c.url(server), "Hello\n", c.arguments()...)
	got := wait()
	c.check(t, got, got.account(t))
	if n := len(server.Messages()); n != c.copies {
		t.Errorf("the server has %d copies, want %d", n, c.copies)
	}
	checkViolations(t, server)
}

// serve starts the server with its fault.
func (c *faultCase) serve(t *testing.T) *smtpfake.Server {
	t.Helper()
	cfg := secure(smtpfake.Config{})
	c.server(&cfg)
	return smtpfake.Start(t, cfg)
}

func (c *faultCase) url(server *smtpfake.Server) string {
	return urlOf(cmp.Or(c.scheme, "smtp"), cmp.Or(c.addr, server.Addr()))
}

func (c *faultCase) arguments() []string {
	recipients := []string{"bob@example.org", "eve@example.org", "kim@example.org"}[:max(1, c.to)]
	return slices.Concat([]string{"-json"}, c.args, envelope(recipients...))
}

func (c *faultCase) check(t *testing.T, got result, a account) {
	t.Helper()
	if got.code != c.exit || a.Outcome != c.outcome {
		t.Errorf("exit status %d, outcome %v; want %d, %v\n%s", got.code, a.Outcome, c.exit, c.outcome, got.stderr)
	}
	if len(a.Attempts) != 1 || a.Attempts[0].Scope != c.scope || a.Attempts[0].Code != c.code {
		t.Errorf("attempts %+v; want scope %v, code %d", a.Attempts, c.scope, c.code)
	}
	if (a.Error == "") != (c.outcome == mailer.Accepted) || a.Error != "" && !strings.Contains(got.stderr, a.Error) {
		t.Errorf("error %q, standard error %q", a.Error, got.stderr)
	}
	if len(a.Recipients) != max(1, c.to) {
		t.Errorf("recipients %+v, want %d", a.Recipients, max(1, c.to))
	}
}

// One recipient of three is refused: the two others have their mail, and the account says who is who.
func TestPartlyAcceptedByRecipient(t *testing.T) {
	t.Parallel()
	server := smtpfake.Start(t, secure(smtpfake.Config{
		Hook: smtpfake.OnNth(smtpfake.RCPT, 2, smtpfake.Action{Reply: "550 5.1.1 who"}),
	}))
	args := append(envelope("bob@example.org", "eve@example.org", "kim@example.org"), "-json")
	_, wait := start(t, urlOf("smtp", server.Addr()), "Hello\n", args...)
	a := wait().account(t)
	m := onlyMessage(t, server)
	sameStrings(t, "recipients at the server", m.Addresses(), "bob@example.org", "kim@example.org")
	sameVerdicts(t, a.Recipients, []recipientAccount{
		{Address: "bob@example.org", Outcome: mailer.Accepted, Code: 250},
		{Address: "eve@example.org", Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Code: 550},
		{Address: "kim@example.org", Outcome: mailer.Accepted, Code: 250},
	})
}

// sameVerdicts compares what is said about the recipients, whoever says it.
func sameVerdicts(t *testing.T, got, want []recipientAccount) {
	t.Helper()
	if !slices.EqualFunc(got, want, func(g, w recipientAccount) bool {
		return g.Address == w.Address && g.Outcome == w.Outcome && g.Scope == w.Scope && g.Code == w.Code
	}) {
		t.Errorf("recipients\n got %+v\nwant %+v", got, want)
	}
}
