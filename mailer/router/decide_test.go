package router

import (
	"slices"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// A rule is one line of the table: whatever it leaves out does not matter.
type rule struct {
	because string
	outcome mailer.Outcome
	scopes  []mailer.Scope // nil: any
	yes, no []condition
	want    action
}

// A condition is one of the questions that a situation answers.
type condition string

const (
	attempts    condition = "another attempt is allowed"
	elsewhere   condition = "another provider may take it"
	temporary   condition = "the same may take it later"
	same        condition = "the route takes messages now"
	routes      condition = "another route is left"
	retries     condition = "the same can be tried again"
	askable     condition = "the provider can be asked"
	replayable  condition = "the provider knows the key"
	atLeastOnce condition = "a second copy is better than none"
)

func (s situation) holds(c condition) bool {
	return map[condition]bool{
		attempts: s.attempts, same: s.same, elsewhere: s.elsewhere, temporary: s.temporary, routes: s.routes, retries: s.retries,
		askable: s.askable, replayable: s.replayable, atLeastOnce: s.delivery == mailer.AtLeastOnce,
	}[c]
}

type all = []condition

var (
	caller    = []mailer.Scope{mailer.ScopeCaller}
	recipient = []mailer.Scope{mailer.ScopeRecipient}
	message   = []mailer.Scope{mailer.ScopeMessage}
	// theirs are faults of the provider's side: what may go elsewhere, and what may pass.
	theirs = []mailer.Scope{mailer.ScopeUnknown, mailer.ScopeSender, mailer.ScopeAccount, mailer.ScopeRate, mailer.ScopeProvider}
	others = append([]mailer.Scope{mailer.ScopeMessage}, theirs...)
	served = append([]mailer.Scope{mailer.ScopeMessage, mailer.ScopeRecipient}, theirs...)
)

// rules are the whole table. Each situation is in exactly one of them.
var rules = []rule{
	{"a provider has it (SMTP row 31, HTTP row 9)", mailer.Accepted, nil, nil, nil, done},

	{"three attempts are enough", mailer.NotAccepted, nil, nil, all{attempts}, stop},
	{"ctx ended or the message is invalid (SMTP rows 24 and 26, HTTP rows 3 and 36)", mailer.NotAccepted, caller, all{attempts}, nil, stop},
	{"too many recipients for one transaction (SMTP row 20)", mailer.NotAccepted, recipient, all{attempts, elsewhere, same}, nil, again},
	{"too many, and its limit is reached", mailer.NotAccepted, recipient, all{attempts, elsewhere, routes}, all{same}, next},
	{"too many, and only here", mailer.NotAccepted, recipient, all{attempts, elsewhere, temporary, retries}, all{same, routes}, retry},
	{"too many, and not in time", mailer.NotAccepted, recipient, all{attempts, elsewhere, temporary}, all{same, routes, retries}, stop},
	{"too many, and for good", mailer.NotAccepted, recipient, all{attempts, elsewhere}, all{same, routes, temporary}, stop},
	{"the address is refused (SMTP row 18)", mailer.NotAccepted, recipient, all{attempts}, all{elsewhere}, stop},
	{"another route may take it (SMTP rows 1 to 17, 21, 25, 27, 32; HTTP rows 1, 4, 12 to 17, 21 to 24, 27, 29)",
		mailer.NotAccepted, others, all{attempts, elsewhere, routes}, nil, next},
	{"the content is refused (SMTP row 33, HTTP row 13)", mailer.NotAccepted, message, all{attempts}, all{elsewhere}, stop},
	{"too large, and no larger route is left (SMTP row 16, HTTP row 21)", mailer.NotAccepted, message, all{attempts, elsewhere}, all{routes}, stop},
	{"no other route, and it passes (SMTP rows 2, 3, 15, 17, 32; HTTP rows 4, 24, 29)",
		mailer.NotAccepted, theirs, all{attempts, elsewhere, temporary, retries}, all{routes}, retry},
	{"it passes, but not in time or within the budget", mailer.NotAccepted, theirs, all{attempts, elsewhere, temporary}, all{routes, retries}, stop},
	{"no other route, and it does not pass (SMTP row 14)", mailer.NotAccepted, theirs, all{attempts, elsewhere}, all{routes, temporary}, stop},
	{"only here, and it passes", mailer.NotAccepted, theirs, all{attempts, temporary, retries}, all{elsewhere}, retry},
	{"only here, and not in time", mailer.NotAccepted, theirs, all{attempts, temporary}, all{elsewhere, retries}, stop},
	{"only here, and it does not pass", mailer.NotAccepted, theirs, all{attempts}, all{elsewhere, temporary}, stop},

	{"nobody waits for it any more (SMTP row 34, HTTP row 36)", mailer.Unknown, caller, nil, nil, stop},
	{"ask first (SMTP rows 28 to 30, HTTP rows 5, 10, 26, 28, 30, 31)", mailer.Unknown, served, all{askable}, nil, ask},
	{"asked, and no attempt is left", mailer.Unknown, served, nil, all{askable, attempts}, stop},
	{"the same provider with the same key cannot double it", mailer.Unknown, served, all{attempts, replayable}, all{askable}, replay},
	{"at most once (P3)", mailer.Unknown, served, all{attempts}, all{askable, replayable, atLeastOnce}, stop},
	{"at least once (P4)", mailer.Unknown, served, all{attempts, atLeastOnce, routes}, all{askable, replayable}, next},
	{"at least once, and no other route", mailer.Unknown, served, all{attempts, atLeastOnce, retries}, all{askable, replayable, routes}, retry},
	{"at least once, and nowhere to go", mailer.Unknown, served, all{attempts, atLeastOnce}, all{askable, replayable, routes, retries}, stop},
}

func (r *rule) covers(s situation) bool {
	return r.outcome == s.outcome && (r.scopes == nil || slices.Contains(r.scopes, s.scope)) &&
		!slices.ContainsFunc(r.yes, func(c condition) bool { return !s.holds(c) }) &&
		!slices.ContainsFunc(r.no, s.holds)
}

// situations are all there are.
func situations() []situation {
	var list []situation
	for _, outcome := range []mailer.Outcome{mailer.Accepted, mailer.NotAccepted, mailer.Unknown} {
		for scope := mailer.ScopeUnknown; scope <= mailer.ScopeCaller; scope++ {
			for bits := range 1 << 9 {
				is := func(i int) bool { return bits&(1<<i) != 0 }
				s := situation{
					outcome: outcome, scope: scope, delivery: mailer.AtMostOnce,
					elsewhere: is(0), temporary: is(1), attempts: is(2), routes: is(3), retries: is(4), askable: is(5), replayable: is(6), same: is(8),
				}
				if is(7) {
					s.delivery = mailer.AtLeastOnce
				}
				list = append(list, s)
			}
		}
	}
	return list
}

// TestDecide compares the decision with the table in every situation, and makes sure that
// the table has each of them once and no rule for nothing.
func TestDecide(t *testing.T) {
	used := make([]int, len(rules))
	for _, s := range situations() {
		found := -1
		for i := range rules {
			if !rules[i].covers(s) {
				continue
			}
			if used[i]++; found >= 0 {
				t.Fatalf("%+v is in two rules: %q and %q", s, rules[found].because, rules[i].because)
			}
			found = i
		}
		if found < 0 {
			t.Fatalf("%+v is in no rule", s)
		}
		if got := decide(s); got != rules[found].want {
			t.Errorf("%s: %+v: got %d (%s), want %d", rules[found].because, s, got, got, rules[found].want)
		}
	}
	for i, n := range used {
		if n == 0 {
			t.Errorf("no situation is in the rule %q", rules[i].because)
		}
	}
}

// TestNeverAgain states the promises over all situations, whatever the table says.
func TestNeverAgain(t *testing.T) {
	for _, s := range situations() {
		act := decide(s)
		sends := act == next || act == retry || act == again
		switch {
		case s.outcome == mailer.Accepted && act != done:
			t.Errorf("%+v is accepted, and the decision is %s", s, act)
		case s.outcome == mailer.Unknown && sends && s.delivery != mailer.AtLeastOnce:
			t.Errorf("P3: %+v may be sent twice: %s", s, act)
		case s.outcome == mailer.Unknown && act == replay && !s.replayable:
			t.Errorf("P5: %+v is replayed without a key", s)
		case s.scope == mailer.ScopeCaller && s.outcome != mailer.Accepted && act != stop:
			t.Errorf("%+v goes on though nobody waits: %s", s, act)
		case (sends || act == replay) && !s.attempts:
			t.Errorf("%+v makes one attempt too many: %s", s, act)
		case act == next && !s.routes, act == retry && !s.retries, act == ask && !s.askable:
			t.Errorf("%+v asks for what is not there: %s", s, act)
		}
	}
}
