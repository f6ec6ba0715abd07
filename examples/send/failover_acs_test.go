package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/apifake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// A doubtCase is what ACS does with the requests of one message, and what becomes of it.
type doubtCase struct {
	name    string
	faults  []apifake.Fault
	params  string // of the primary
	options string // of the router
	exit    int
	// attempts are the decisions after those at each route, and of the questions.
	attempts        []string
	primary, backup int // copies
	sends, asked    int // requests to ACS
	warns           bool
}

// mute are faults for more requests than there will be: none is answered.
func mute(first apifake.Fault) []apifake.Fault {
	return append([]apifake.Fault{first}, slices.Repeat([]apifake.Fault{{Kind: apifake.Withhold}}, 20)...)
}

var (
	lostAfter  = apifake.Fault{Kind: apifake.Withhold, Accept: true}
	lostBefore = apifake.Fault{Kind: apifake.Withhold}
)

const (
	unremembered = "&replay_window=off"
	// shortly is long enough for one question, also where the machine is busy, and too short for a second.
	shortly = "ask_limit=300ms"
	hour    = time.Hour // that a quota may take
)

var doubtCases = []doubtCase{
	{name: "lost after acceptance", faults: []apifake.Fault{lostAfter},
		attempts: []string{"primary ask", "primary done"}, primary: 1, sends: 1, asked: 1},
	{name: "lost after acceptance, and it shows late", faults: []apifake.Fault{lostAfter, acstest.Reply(acstest.NotFound())},
		attempts: []string{"primary ask", "primary done"}, primary: 1, sends: 1, asked: 2},
	{name: "lost before acceptance", faults: []apifake.Fault{lostBefore},
		attempts: []string{"primary ask", "primary replay", "primary done"}, primary: 1, sends: 2, asked: 3},
	{name: "lost after acceptance, and the answer too", faults: []apifake.Fault{lostAfter, lostBefore}, options: "?" + shortly,
		attempts: []string{"primary ask", "primary replay", "primary done"}, primary: 1, sends: 2, asked: 1},
	{name: "lost after acceptance, then nothing is answered", faults: mute(lostAfter), options: "?" + shortly, exit: exitUnknown,
		attempts: []string{"primary ask", "primary replay", "primary ask", "primary replay", "primary ask", "primary stop"},
		primary:  1, sends: 3, asked: 3, warns: true},
	{name: "lost before acceptance, then nothing is answered", faults: mute(lostBefore), options: "?" + shortly, exit: exitUnknown,
		attempts: []string{"primary ask", "primary replay", "primary ask", "primary replay", "primary ask", "primary stop"},
		sends:    3, asked: 3, warns: true},
	{name: "asked without an answer, and not relied upon to remember", faults: mute(lostAfter), params: unremembered, options: "?" + shortly, exit: exitUnknown,
		attempts: []string{"primary ask", "primary stop"}, primary: 1, sends: 1, asked: 1, warns: true},
	{name: "asked without an answer, and not relied upon to remember, at least once", faults: mute(lostAfter), params: unremembered, options: again + "&" + shortly,
		attempts: []string{"primary ask", "primary next route", "backup done"}, primary: 1, backup: 1, sends: 1, asked: 1, warns: true},
	{name: "not known, and not relied upon to remember", faults: []apifake.Fault{lostBefore}, params: unremembered, options: "?" + shortly, exit: exitUnknown,
		attempts: []string{"primary ask", "primary stop"}, sends: 1, asked: 1, warns: true},
	{name: "not known, and not relied upon to remember, at least once", faults: []apifake.Fault{lostBefore}, params: unremembered, options: again + "&" + shortly,
		attempts: []string{"primary ask", "primary next route", "backup done"}, backup: 1, sends: 1, asked: 1, warns: true},
	{name: "not to be asked", faults: []apifake.Fault{lostAfter}, options: "?ask_limit=off",
		attempts: []string{"primary replay", "primary done"}, primary: 1, sends: 2},
	{name: "repeated, and the service says that it is known", faults: []apifake.Fault{lostAfter, lostBefore, acstest.Reply(acstest.Conflict())}, options: "?" + shortly,
		attempts: []string{"primary ask", "primary replay", "primary done"}, primary: 1, sends: 2, asked: 2},
	{name: "refused after a lost reply", faults: []apifake.Fault{lostAfter, lostBefore, acstest.Reply(acstest.RateLimitedFor(hour))}, options: "?" + shortly, exit: exitUnknown,
		attempts: []string{"primary ask", "primary replay", "primary stop"}, primary: 1, sends: 2, asked: 1, warns: true},
}

// TestDoubtAtACS: whether a lost message is there, the service says, and one that it does not say anything
// about goes nowhere else, unless a second copy is better than none.
func TestDoubtAtACS(t *testing.T) {
	for _, c := range doubtCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			primary, backup := acsAPI.serve(t, &setting{params: c.params}), smtpServer(t, "smtp")
			for _, fault := range c.faults {
				primary.Next(fault)
			}
			_, wait := start(t, failover(primary, backup, c.options), canary+"\n", append(bare("bob@example.org", "eve@example.org"), "-json")...)
			c.check(t, wait(), primary, backup)
		})
	}
}

func (c *doubtCase) check(t *testing.T, r result, primary *apiServer, backup *smtpSide) {
	t.Helper()
	a := r.account(t)
	var attempts []string
	for _, t := range a.Attempts {
		attempts = append(attempts, t.Route+" "+t.Decision)
	}
	sameStrings(t, "attempts", attempts, c.attempts...)
	atPrimary, atBackup := primary.truth(t), backup.truth(t)
	atPrimary.checkContacts(t, "primary", &a)
	atBackup.checkContacts(t, "backup", &a)
	if r.code != c.exit || len(atPrimary.copies) != c.primary || len(atBackup.copies) != c.backup {
		t.Errorf("exit status %d, %d copies at the primary and %d at the backup; want %d, %d and %d\n%s", r.code, len(atPrimary.copies), len(atBackup.copies),
			c.exit, c.primary, c.backup, r.stdout)
	}
	if sends, asked := primary.sends(); sends != c.sends || asked != c.asked {
		t.Errorf("%d messages and %d questions sent, want %d and %d\n%s", sends, asked, c.sends, c.asked, r.stdout)
	}
	if warned := strings.Contains(r.stderr, "about Message-ID "+a.MessageID); warned != c.warns || (r.stderr == "") == c.warns {
		t.Errorf("standard error %q", r.stderr)
	}
	primary.checkSilent(t, r, "bob@example.org", "eve@example.org")
}

// TestACSAloneAndRouted: alone an adapter makes one attempt and says what it knows; a router with the one route
// asks, and sends what is not there once more.
func TestACSAloneAndRouted(t *testing.T) {
	for _, c := range []struct {
		name          string
		fault         apifake.Fault
		copies        int // after one attempt
		sends, routed int // requests to send
		exit          int
	}{
		{"accepted", apifake.Fault{}, 1, 1, 1, exitAccepted},
		{"lost after acceptance", lostAfter, 1, 1, 1, exitUnknown},
		{"lost before acceptance", lostBefore, 0, 1, 2, exitUnknown},
		{"500 after acceptance", acstest.AcceptBut(acstest.InternalError()), 1, 1, 1, exitUnknown},
		{"500 before acceptance", acstest.Reply(acstest.InternalError()), 0, 1, 2, exitUnknown},
		{"refused", acstest.Reply(acstest.InvalidEmail("recipients.to[0].address")), 0, 1, 1, exitNotAccepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			alone, routed := acsAPI.serve(t, &setting{}), acsAPI.serve(t, &setting{})
			for server, url := range map[*apiServer]string{alone: alone.url(), routed: "failover(" + routed.url() + ")?" + impatient} {
				server.Next(c.fault)
				_, wait := start(t, url, canary+"\n", append(bare("bob@example.org"), "-json")...)
				exit, copies, sends := c.exit, c.copies, c.sends
				if server == routed && exit == exitUnknown {
					exit, copies, sends = exitAccepted, 1, c.routed
				}
				got := wait()
				truth := server.truth(t)
				if got.code != exit || len(truth.copies) != copies || truth.begun != sends {
					t.Errorf("exit status %d, %d copies, %d requests; want %d, %d and %d\n%s", got.code, len(truth.copies), truth.begun, exit, copies, sends, got.stdout)
				}
			}
		})
	}
}

// TestFailoverBetweenAPIs has ACS before and behind another API. Each is told what it is known for.
func TestFailoverBetweenAPIs(t *testing.T) {
	unlinked := func(s *setting) { s.acs.LinkedDomains = []string{"example.net"} }
	usual := func(*setting) {}
	for _, c := range []struct {
		name            string
		primary, backup *api
		setting         func(*setting)
		faults          []apifake.Fault
		exit            int
		copies          [2]int
	}{
		{"unlinked, SendGrid", acsAPI, sendgridAPI, unlinked, nil, exitAccepted, [2]int{0, 1}},
		{"unlinked, Mailgun", acsAPI, mailgunAPI, unlinked, nil, exitAccepted, [2]int{0, 1}},
		{"an hour, SendGrid", acsAPI, sendgridAPI, usual, []apifake.Fault{acstest.Reply(acstest.RateLimitedFor(hour))}, exitAccepted, [2]int{0, 1}},
		{"denied, Mailgun", acsAPI, mailgunAPI, (*setting).denyKey, nil, exitAccepted, [2]int{0, 1}},
		{"lost after acceptance, SendGrid", acsAPI, sendgridAPI, usual, []apifake.Fault{lostAfter}, exitAccepted, [2]int{1, 0}},
		{"refused, Mailgun", acsAPI, mailgunAPI, usual, []apifake.Fault{acstest.Reply(acstest.BadRequest("content.subject"))}, exitNotAccepted, [2]int{0, 0}},
		{"Mailgun forbidden", mailgunAPI, acsAPI, usual, []apifake.Fault{acstest.Reply(apifake.HTMLPage(http.StatusForbidden))}, exitAccepted, [2]int{0, 1}},
		{"SendGrid busy", sendgridAPI, acsAPI, usual, []apifake.Fault{{Kind: apifake.CloseOnAccept}}, exitAccepted, [2]int{0, 1}},
		{"SendGrid silent about it", sendgridAPI, acsAPI, usual, []apifake.Fault{lostAfter}, exitUnknown, [2]int{1, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &setting{tls: testcert.Server(certs.Valid)}
			c.setting(s)
			primary, backup := c.primary.serve(t, s), serveTLS(t, c.backup)
			for _, fault := range c.faults {
				primary.Next(fault)
			}
			_, wait := start(t, failover(primary, backup, ""), canary+"\n", append(bare("bob@example.org", "eve@example.org"), "-json")...)
			got := wait()
			a := got.sends(t)
			atPrimary, atBackup := primary.truth(t), backup.truth(t)
			atPrimary.checkContacts(t, "primary", &a)
			atBackup.checkContacts(t, "backup", &a)
			if copies := [2]int{len(atPrimary.copies), len(atBackup.copies)}; got.code != c.exit || copies != c.copies {
				t.Errorf("exit status %d, copies %v; want %d and %v\n%s", got.code, copies, c.exit, c.copies, got.stdout)
			}
			primary.checkSilent(t, got, "bob@example.org", "eve@example.org")
			backup.checkSilent(t, got, "bob@example.org", "eve@example.org")
		})
	}
}

// What is told as left out is what the route left out that took the message in the end.
func TestLeftOutByTheRouteThatTakesIt(t *testing.T) {
	unlinked := func(s *setting) { s.acs.LinkedDomains = []string{"example.net"} }
	for name, c := range map[string]struct {
		setting func(*setting)
		want    []string
	}{
		"ACS takes it":        {func(*setting) {}, []string{"sender_name"}},
		"the backup takes it": {unlinked, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &setting{}
			c.setting(s)
			_, wait := start(t, failover(acsAPI.serve(t, s), smtpServer(t, "smtp"), ""), "text", append(envelope("bob@example.org"), "-json")...)
			got := wait()
			if a := got.account(t); got.code != exitAccepted || a.Outcome != mailer.Accepted {
				t.Errorf("exit status %d, %+v", got.code, a)
			}
			sameStrings(t, "left out", got.account(t).Degraded, c.want...)
		})
	}
}
