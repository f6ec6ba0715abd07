package main

import (
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// A fate is what becomes of a message that failover(primary backup) carries, where the
// backup is in good health.
type fate struct {
	alone    apiVerdict     // of the attempt at the primary
	outcome  mailer.Outcome // of the whole
	route    string         // that decided
	decision string         // after the attempt at the primary
	primary  int            // copies there
	backup   int            // copies there
	slow     bool           // the primary does not get to the content for so long that the backup is tried alongside
	repeated bool           // the primary is sent it once more
}

// fate derives it from what the message would come to at the primary alone. No copy is at
// both, but for one whose delivery is at least once.
func (v apiVerdict) fate(d mailer.Delivery) fate {
	f := fate{alone: v, outcome: v.outcome, route: "primary", decision: "stop", primary: v.copies}
	switch {
	case v.outcome == mailer.Accepted:
		f.decision = "done"
	case v.isSettled(d):
		f = f.settled()
		f.alone.scope = v.blamed()
	case v.goesOn(d):
		f = f.overBackup()
		f.alone.scope = v.blamed()
	}
	return f
}

// isSettled reports whether the doubt ends: a provider that remembers messages says that it has it, and
// where it has not takes it once more. It has one copy either way. Only who does not wait any
// more does not hear of it.
func (v apiVerdict) isSettled(d mailer.Delivery) bool {
	return v.remembered && v.outcome == mailer.Unknown && (v.scope != mailer.ScopeCaller || d == mailer.AtLeastOnce)
}

func (f fate) settled() fate {
	f.outcome, f.primary, f.repeated, f.decision = mailer.Accepted, 1, f.alone.copies == 0, "done"
	if f.repeated {
		f.decision = "replay"
	}
	return f
}

func (f fate) overBackup() fate {
	f.outcome, f.route, f.decision, f.backup = mailer.Accepted, "backup", "next route", 1
	return f
}

// alongside is the fate where the primary alone would fail, but takes its time for it.
func (f fate) alongside() fate {
	f = f.overBackup()
	f.slow = true
	return f
}

// goesOn reports whether the backup gets it then: it does unless somebody has it, or may have
// it, or nobody would take it, or the time is over.
func (v apiVerdict) goesOn(d mailer.Delivery) bool {
	switch v.outcome {
	case mailer.Unknown:
		return d == mailer.AtLeastOnce
	case mailer.NotAccepted:
		switch v.scope {
		case mailer.ScopeRecipient, mailer.ScopeCaller:
			return false
		case mailer.ScopeMessage:
			return v.isTooLarge()
		}
		return true
	}
	return false
}

// blamed is whose fault it is that the message went on: where an answer is not waited for as long
// as the caller would have, it is the provider's.
func (v apiVerdict) blamed() mailer.Scope {
	if v.scope == mailer.ScopeCaller {
		return mailer.ScopeProvider
	}
	return v.scope
}

// isTooLarge: HTTP row 21. The limit of another provider may be larger.
func (v apiVerdict) isTooLarge() bool { return v.code == 413 || v.code == 431 }

// check compares what was printed with f, and both with the truth.
func (f fate) check(t *testing.T, r result, primary, backup truth) {
	t.Helper()
	a := r.sends(t)
	switch {
	case f.slow && !isAlongside(&a):
		t.Errorf("the backup was not tried alongside: %s", r.stdout)
	case isAlongside(&a) && a.Route == "backup": // also where the machine is busy
		f = f.overBackup()
		f.primary = 0
	}
	whole := apiVerdict{outcome: f.outcome}
	if a.Outcome != f.outcome || r.code != whole.exit() || a.Route != f.route {
		t.Errorf("exit status %d, outcome %v by %q; want %d, %v by %q\n%s", r.code, a.Outcome, a.Route, whole.exit(), f.outcome, f.route, r.stdout)
	}
	if len(primary.copies) != f.primary || len(backup.copies) != f.backup {
		t.Errorf("%d copies at the primary and %d at the backup; want %d and %d\n%s", len(primary.copies), len(backup.copies), f.primary, f.backup, r.stdout)
	}
	primary.checkContacts(t, "primary", &a)
	backup.checkContacts(t, "backup", &a)
	f.checkRecipients(t, &a)
	f.checkAttempts(t, &a, r.stdout)
	f.checkNotes(t, &a, r)
}

// checkRecipients: what is accepted has no code of a refusal.
func (f fate) checkRecipients(t *testing.T, a *account) {
	t.Helper()
	for _, r := range a.Recipients {
		if f.outcome != mailer.PartlyAccepted && r.Outcome != f.outcome || r.Outcome == mailer.Accepted && r.Code >= 300 {
			t.Errorf("recipient %+v, want %v", r, f.outcome)
		}
	}
}

// sends is the account without what is told of questions, whose answer stands for what they are
// about: to ask what became of a message is no attempt to send it.
func (r result) sends(t *testing.T) account {
	t.Helper()
	a := r.account(t)
	told := a.Attempts
	a.Attempts = nil
	for i := range told {
		n := len(a.Attempts)
		if n == 0 || a.Attempts[n-1].Decision != "ask" {
			a.Attempts = append(a.Attempts, told[i])
			continue
		}
		a.Attempts[n-1].Decision = told[i].Decision
	}
	return a
}

// isAlongside reports whether the backup was tried while the attempt at the primary went on. Who
// commits first then decides.
func isAlongside(a *account) bool {
	return len(a.Attempts) == 2 && a.Attempts[1].StartMS < a.Attempts[0].DurationMS
}

func (f fate) checkAttempts(t *testing.T, a *account, printed string) {
	t.Helper()
	if isAlongside(a) {
		return
	}
	want := []attemptAccount{{Route: "primary", Outcome: f.alone.outcome, Scope: f.alone.scope, Code: f.alone.code, Decision: f.decision}}
	switch {
	case f.route == "backup":
		want = append(want, attemptAccount{Route: "backup", Outcome: mailer.Accepted, Decision: "done"})
	case f.repeated:
		want = append(want, attemptAccount{Route: "primary", Outcome: mailer.Accepted, Code: acsAPI.accepted, Decision: "done"})
	}
	if len(a.Attempts) != len(want) {
		t.Fatalf("%d attempts, want %d: %s", len(a.Attempts), len(want), printed)
	}
	for i, w := range want {
		got := a.Attempts[i]
		if got.Route != w.Route || got.Outcome != w.Outcome || got.Scope != w.Scope || got.Decision != w.Decision || got.Skipped != "" {
			t.Errorf("attempt %d: got %+v, want %+v", i+1, got, w)
		}
		if w.Route == "primary" && got.Code != w.Code {
			t.Errorf("attempt %d: code %d, want %d", i+1, got.Code, w.Code)
		}
	}
}

// checkNotes: standard error says what went wrong in the end, and nothing where nothing did; it
// warns of a message that may be somewhere.
func (f fate) checkNotes(t *testing.T, a *account, r result) {
	t.Helper()
	warns := strings.Contains(r.stderr, "about Message-ID <")
	doubtful := f.outcome == mailer.Unknown || f.alone.outcome == mailer.Unknown && f.route == "backup" && !isAlongside(a)
	if warns != doubtful || (r.stderr == "") != (f.outcome == mailer.Accepted && !doubtful) {
		t.Errorf("standard error %q", r.stderr)
	}
}

// TestFate pins the rule by the messages that a router must never get wrong.
func TestFate(t *testing.T) {
	for _, c := range []struct {
		name            string
		alone           apiVerdict
		delivery        mailer.Delivery
		exit            int
		primary, backup int
	}{
		{"accepted", apiVerdict{outcome: mailer.Accepted, copies: 1}, mailer.AtMostOnce, 0, 1, 0},
		{"provider down", apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeProvider}, mailer.AtMostOnce, 0, 0, 1},
		{"wrong key", apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeAccount, code: 401}, mailer.AtMostOnce, 0, 0, 1},
		{"sender not owned", apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeSender, code: 403}, mailer.AtMostOnce, 0, 0, 1},
		{"no time left", apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeCaller}, mailer.AtLeastOnce, 1, 0, 0},
		{"limit", apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeRate, code: 429}, mailer.AtMostOnce, 0, 0, 1},
		{"too large", apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeMessage, code: 413}, mailer.AtMostOnce, 0, 0, 1},
		{"bad message", apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeMessage, code: 400}, mailer.AtLeastOnce, 1, 0, 0},
		{"bad recipient", apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeRecipient, code: 550}, mailer.AtLeastOnce, 1, 0, 0},
		{"unknown, and taken", apiVerdict{outcome: mailer.Unknown, scope: mailer.ScopeProvider, copies: 1}, mailer.AtMostOnce, 3, 1, 0},
		{"unknown, and not taken", apiVerdict{outcome: mailer.Unknown, scope: mailer.ScopeProvider}, mailer.AtMostOnce, 3, 0, 0},
		{"unknown, and taken, at least once", apiVerdict{outcome: mailer.Unknown, scope: mailer.ScopeProvider, copies: 1}, mailer.AtLeastOnce, 0, 1, 1},
		{"remembered", apiVerdict{outcome: mailer.Unknown, scope: mailer.ScopeProvider, copies: 1, remembered: true}, mailer.AtMostOnce, 0, 1, 0},
		{"not remembered, for it was not taken", apiVerdict{outcome: mailer.Unknown, scope: mailer.ScopeProvider, remembered: true}, mailer.AtMostOnce, 0, 1, 0},
		{"remembered, at least once", apiVerdict{outcome: mailer.Unknown, scope: mailer.ScopeProvider, copies: 1, remembered: true}, mailer.AtLeastOnce, 0, 1, 0},
		{"remembered, but no time left", apiVerdict{outcome: mailer.Unknown, scope: mailer.ScopeCaller, copies: 1, remembered: true}, mailer.AtMostOnce, 3, 1, 0},
		{"refused by one that remembers", apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeSender, code: 404, remembered: true}, mailer.AtMostOnce, 0, 0, 1},
	} {
		f := c.alone.fate(c.delivery)
		if got := (apiVerdict{outcome: f.outcome}).exit(); got != c.exit || f.primary != c.primary || f.backup != c.backup {
			t.Errorf("%s: exit status %d, %d and %d copies; want %d, %d and %d", c.name, got, f.primary, f.backup, c.exit, c.primary, c.backup)
		}
	}
}
