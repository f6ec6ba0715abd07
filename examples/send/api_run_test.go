package main

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/apifake"
	"github.com/mailkeel/mailkeel/mailer"
)

// TestAPIFaults runs every case at each of the APIs, over plain HTTP and TLS, with lines and with -json.
func TestAPIFaults(t *testing.T) {
	elsewhere := apifake.Start(t, apifake.Config{Handler: func(*apifake.Request) apifake.Answer { return apifake.Answer{Status: 202} }})
	t.Cleanup(func() {
		if n := elsewhere.Stats().Conns; n != 0 {
			t.Errorf("a redirect was followed: %d connections", n)
		}
	})
	for _, c := range apiCases(elsewhere.URL()) {
		for _, a := range apis {
			if !c.isAt(a) {
				continue
			}
			t.Run(fmt.Sprintf("%s row %d %s", a.name, c.row, c.name), func(t *testing.T) {
				t.Parallel()
				c.run(t, a)
			})
		}
	}
}

// Every HTTP row has a case, or a reason why there is none.
func TestAPIRows(t *testing.T) {
	seen := make(map[int]bool)
	for _, c := range apiCases("") {
		seen[c.row] = true
	}
	for row := 1; row <= 37; row++ {
		if _, reason := rowsElsewhere[row]; reason == seen[row] {
			t.Errorf("HTTP row %d: has a case: %v, has a reason for none: %v", row, seen[row], reason)
		}
	}
}

func (c *apiCase) isAt(a *api) bool { return len(c.only) == 0 || slices.Contains(c.only, a) }

// run runs the four programs of a case at the same time. At ACS, whose cases are the most, there are two: each
// transport and each form once.
func (c *apiCase) run(t *testing.T, a *api) {
	finish := make(map[string]func(*testing.T))
	for transport, tls := range transports() {
		if c.tlsOnly && tls == nil {
			continue
		}
		for form, flag := range map[string]string{"lines": "-json=false", "json": "-json"} {
			if a == acsAPI && !c.tlsOnly && (tls == nil) != (form == "lines") {
				continue
			}
			server := c.serve(t, a, tls)
			_, wait := start(t, server.url(), canary+"\n", c.arguments(a, flag)...)
			finish[transport+" "+form] = func(t *testing.T) { c.check(t, server, wait(), form) }
		}
	}
	for name, f := range finish {
		t.Run(name, f)
	}
}

// serve starts the API as the case has it, with its fault to come.
func (c *apiCase) serve(t *testing.T, a *api, tls *tls.Config) *apiServer {
	t.Helper()
	s := &setting{tls: tls}
	if c.large {
		s.narrow()
	}
	if c.setting != nil {
		c.setting(s)
	}
	server := a.serve(t, s)
	if fault := c.fault.at(a); fault.Kind != apifake.None || fault.Interim != nil {
		server.Next(fault)
	}
	for _, fault := range c.then {
		server.Next(fault)
	}
	return server
}

func (c *apiCase) arguments(a *api, flag string) []string {
	args := slices.Concat([]string{flag}, bare("bob@example.org", "eve@example.org"), c.args)
	if c.large {
		args = append(args, "-attach", *a.large)
	}
	return args
}

// check compares what was printed with what is wanted, and with the truth.
func (c *apiCase) check(t *testing.T, server *apiServer, r result, form string) {
	t.Helper()
	want := c.want.at(server.api)
	a := map[string]func(*testing.T) account{"json": r.account, "lines": r.lines}[form](t)
	want.check(t, r, &a)
	server.checkSilent(t, r, "bob@example.org", "eve@example.org")
	server.settle(t)
	messages := server.messages()
	if len(messages) != want.copies {
		t.Errorf("the provider has %d copies, want %d", len(messages), want.copies)
	}
	if sends, questions := server.sends(); sends > 1 || questions != want.asked {
		t.Errorf("%d requests were sent for one message, and %d questions asked, want %d", sends, questions, want.asked)
	}
	for _, m := range messages {
		m.checkNamed(t, want.outcome, r)
	}
}

func (v *apiVerdict) check(t *testing.T, r result, a *account) {
	t.Helper()
	if r.code != v.exit() || a.Outcome != v.outcome {
		t.Errorf("exit status %d, outcome %v; want %d, %v\n%s", r.code, a.Outcome, v.exit(), v.outcome, r.stderr)
	}
	if len(a.Attempts) != 1 || a.Attempts[0].Outcome != v.outcome || a.Attempts[0].Scope != v.scope || a.Attempts[0].Code != v.code {
		t.Errorf("attempts %+v; want %v, scope %v, code %d\n%s", a.Attempts, v.outcome, v.scope, v.code, r.stderr)
	}
	sameVerdicts(t, a.Recipients, []recipientAccount{
		{Address: "bob@example.org", Outcome: v.outcome, Scope: v.scope, Code: v.code},
		{Address: "eve@example.org", Outcome: v.outcome, Scope: v.scope, Code: v.code},
	})
	if !strings.Contains(r.stderr, v.says) || (r.stderr == "") != (v.outcome == mailer.Accepted) {
		t.Errorf("standard error %q, want %q", r.stderr, v.says)
	}
	if a.Error != "" && !strings.Contains(r.stderr, "send: "+a.Error+"\n") {
		t.Errorf("error %q, standard error %q", a.Error, r.stderr)
	}
}

// checkNamed looks for the names by which the provider can be asked about what it has.
func (d *delivered) checkNamed(t *testing.T, outcome mailer.Outcome, r result) {
	t.Helper()
	if outcome == mailer.Accepted && !strings.Contains(r.stdout, d.id) {
		t.Errorf("the provider's name %q is not printed: %s", d.id, r.stdout)
	}
	asks := strings.Contains(r.stderr, "ask the provider about Message-ID "+d.messageID+"\n")
	if asks != (outcome == mailer.Unknown) || d.messageID == "" {
		t.Errorf("Message-ID %q at the provider, standard error %q", d.messageID, r.stderr)
	}
}

// lines decodes what is printed without -json: a line for each attempt, and one for each recipient.
func (r result) lines(t *testing.T) account {
	t.Helper()
	var a account
	for line := range strings.Lines(r.stdout) {
		f := strings.Fields(line)
		if len(f) > 0 && f[0] == "attempt" {
			f = slices.Delete(f, 2, 3) // (provider)
		}
		if len(f) < 5 {
			continue
		}
		outcome, scope, code := fieldsOf(t, f)
		switch f[0] {
		case "attempt":
			a.Outcome = outcome
			a.Attempts = append(a.Attempts, attemptAccount{Route: f[1], Outcome: outcome, Scope: scope, Code: code})
		case "recipient":
			a.Recipients = append(a.Recipients, recipientAccount{Address: f[1], Outcome: outcome, Scope: scope, Code: code})
		}
	}
	return a
}

func fieldsOf(t *testing.T, f []string) (outcome mailer.Outcome, scope mailer.Scope, code int) {
	t.Helper()
	err := outcome.UnmarshalText([]byte(f[2]))
	if f[3] != "-" && err == nil {
		err = scope.UnmarshalText([]byte(f[3]))
	}
	if f[4] != "-" && err == nil {
		code, err = strconv.Atoi(f[4])
	}
	if err != nil {
		t.Errorf("line %q: %v", f, err)
	}
	return outcome, scope, code
}
