package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var partly = &mailer.Receipt{
	Outcome: mailer.PartlyAccepted, Provider: "smtp", Route: "mail", ProviderMessageID: "4bX1", MessageID: "<m@example.com>",
	IdempotencyKey: "m@example.com", Degraded: []string{"tags"},
	Recipients: []mailer.RecipientResult{
		{Address: "bob@example.org", Outcome: mailer.Accepted, Code: 250, EnhancedCode: "2.0.0", Route: "mail", ProviderMessageID: "4bX1"},
		{Address: "eve@example.org", Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Code: 550, EnhancedCode: "5.1.1", Detail: "no such user", Route: "first"},
	},
	Attempts: []mailer.Attempt{
		{Route: "first", Provider: "smtp", Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider, Decision: "next route",
			Start: began, Duration: 1500 * time.Microsecond, Phase: mailer.PhaseConnect, Detail: "connection refused"},
		{Route: "second", Provider: "smtp", Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate, Decision: "next route", Skipped: "resting"},
		{Route: "mail", Provider: "smtp", Outcome: mailer.PartlyAccepted, Scope: mailer.ScopeRecipient, Code: 550, EnhancedCode: "5.1.1", Decision: "stop",
			Start: began.Add(3 * time.Millisecond), Duration: 20 * time.Millisecond, Phase: mailer.PhaseDone, Detail: "550 no such user"},
	},
}

func reported(t *testing.T, asJSON bool, a *account) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = (&output{stdout: &out, stderr: &errs, json: asJSON}).report(a)
	return out.String(), errs.String(), code
}

func partlyAccount() *account {
	return newAccount(partly, &mailer.SendError{Receipt: partly, Outcome: partly.Outcome, Protocol: "smtp", Code: 550, EnhancedCode: "5.1.1"})
}

func TestJSON(t *testing.T) {
	stdout, _, code := reported(t, true, partlyAccount())
	const want = `{"outcome":"partly_accepted","provider":"smtp","route":"mail","provider_message_id":"4bX1","message_id":"<m@example.com>",` +
		`"recipients":[{"address":"bob@example.org","outcome":"accepted","scope":"unknown","code":250,"route":"mail","provider_message_id":"4bX1"},` +
		`{"address":"eve@example.org","outcome":"not_accepted","scope":"recipient","code":550,"route":"first"}],` +
		`"attempts":[{"route":"first","provider":"smtp","outcome":"not_accepted","scope":"provider","code":0,"decision":"next route","duration_ms":1,"start_ms":0,"phase":"connect","detail":"connection refused"},` +
		`{"route":"second","provider":"smtp","outcome":"not_accepted","scope":"rate","code":0,"decision":"next route","duration_ms":0,"start_ms":0,"phase":"none","skipped":"resting"},` +
		`{"route":"mail","provider":"smtp","outcome":"partly_accepted","scope":"recipient","code":550,"decision":"stop","duration_ms":20,"start_ms":3,"phase":"done","detail":"550 no such user"}],` +
		`"degraded":["tags"],"error":"smtp: 550 5.1.1 (partly accepted)"}` + "\n"
	if stdout != want || code != exitPartly {
		t.Errorf("exit status %d\n got %s\nwant %s", code, stdout, want)
	}
}

func TestJSONOfNothing(t *testing.T) {
	stdout, _, code := reported(t, true, newAccount(nil, errors.New("what")))
	const want = `{"outcome":"unknown","provider":"","route":"","provider_message_id":"","message_id":"",` +
		`"recipients":[],"attempts":[],"degraded":[],"error":"what"}` + "\n"
	if stdout != want || code != exitUnknown {
		t.Errorf("exit status %d\n got %s\nwant %s", code, stdout, want)
	}
}

func TestLines(t *testing.T) {
	stdout, stderr, code := reported(t, false, partlyAccount())
	want := strings.TrimPrefix(`
attempt    first (smtp)     not_accepted     provider   -          next route after 1.5ms: connection refused
attempt    second (smtp)    not_accepted     rate       -          skipped: resting
attempt    mail (smtp)      partly_accepted  recipient  550 5.1.1  stop after 20ms: 550 no such user
recipient  bob@example.org  accepted         -          250 2.0.0  4bX1 (mail)
recipient  eve@example.org  not_accepted     recipient  550 5.1.1  no such user (first)
`, "\n")
	if stdout != want || code != exitPartly {
		t.Errorf("exit status %d\n got\n%s\nwant\n%s", code, stdout, want)
	}
	const wantErr = "send: smtp: 550 5.1.1 (partly accepted)\n" +
		"send: left out, in whole or in part, for the provider has no place for it: tags\n"
	if stderr != wantErr {
		t.Errorf("standard error\n got %s\nwant %s", stderr, wantErr)
	}
}

func TestExitStatus(t *testing.T) {
	receipt := &mailer.Receipt{MessageID: "<m@example.com>"}
	for outcome, want := range map[mailer.Outcome]int{
		mailer.PartlyAccepted: 4, mailer.NotAccepted: 1, mailer.Unknown: 3, mailer.Outcome(99): 3,
	} {
		_, stderr, code := reported(t, false, newAccount(receipt, fmt.Errorf("wrapped: %w", &mailer.SendError{Receipt: receipt, Outcome: outcome})))
		if code != want {
			t.Errorf("%v: exit status %d, want %d", outcome, code, want)
		}
		if asks := strings.Contains(stderr, "ask the provider about Message-ID <m@example.com>"); asks != (outcome == mailer.Unknown) {
			t.Errorf("%v: standard error %s", outcome, stderr)
		}
	}
	if _, stderr, code := reported(t, false, newAccount(&mailer.Receipt{Outcome: mailer.Accepted}, nil)); code != 0 || stderr != "" {
		t.Errorf("accepted: exit status %d, standard error %q", code, stderr)
	}
}

// Who has to be asked is named where several were tried.
func TestNoteNamesRoutes(t *testing.T) {
	attempt := func(route string, outcome mailer.Outcome, decision string) mailer.Attempt {
		return mailer.Attempt{Route: route, Provider: "smtp", Outcome: outcome, Decision: decision}
	}
	refused := attempt("first", mailer.NotAccepted, "next route")
	for name, c := range map[string]struct {
		outcome  mailer.Outcome
		attempts []mailer.Attempt
		want     string // the last line; empty when there is none about the Message-ID
	}{
		"one attempt": {mailer.Unknown, []mailer.Attempt{attempt("only", mailer.Unknown, "stop")}, "before it is sent again, ask the provider about"},
		"the second is undecided": {mailer.Unknown, []mailer.Attempt{refused, attempt("second", mailer.Unknown, "stop")},
			"before it is sent again, ask second (smtp) about"},
		"both are undecided": {mailer.Unknown, []mailer.Attempt{attempt("first", mailer.Unknown, "next route"), attempt("second", mailer.Unknown, "stop")},
			"before it is sent again, ask first (smtp) and second (smtp) about"},
		"undecided, then accepted": {mailer.Accepted, []mailer.Attempt{attempt("first", mailer.Unknown, "next route"), attempt("second", mailer.Accepted, "done")},
			"there may be a second copy: ask first (smtp) about"},
		"undecided, then accepted by the same": {mailer.Accepted, []mailer.Attempt{attempt("second", mailer.Unknown, "retry"), attempt("second", mailer.Accepted, "done")},
			"there may be a second copy: ask second (smtp) about"},
		"undecided, then accepted by the same after another": {mailer.Accepted,
			[]mailer.Attempt{attempt("second", mailer.Unknown, "next route"), attempt("first", mailer.NotAccepted, "retry"), attempt("second", mailer.Accepted, "done")},
			"there may be a second copy: ask second (smtp) about"},
		"undecided, asked, then accepted": {mailer.Accepted, []mailer.Attempt{attempt("second", mailer.Unknown, "ask"), attempt("second", mailer.Accepted, "done")}, ""},
		"refused, then accepted":          {mailer.Accepted, []mailer.Attempt{refused, attempt("second", mailer.Accepted, "done")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount(&mailer.Receipt{Outcome: c.outcome, Route: "second", MessageID: "<m@example.com>", Attempts: c.attempts}, nil)
			a.Outcome = c.outcome
			_, stderr, _ := reported(t, false, a)
			want := ""
			if c.want != "" {
				want = "send: " + c.want + " Message-ID <m@example.com>\n"
			}
			if stderr != want {
				t.Errorf("standard error\n got %q\nwant %q", stderr, want)
			}
		})
	}
}

// The keys are a contract, whatever mailer.Receipt comes to hold.
func TestJSONKeys(t *testing.T) {
	stdout, _, _ := reported(t, true, partlyAccount())
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(stdout), &object); err != nil {
		t.Fatal(err)
	}
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	sameStrings(t, "keys", keys, "attempts", "degraded", "error", "message_id", "outcome", "provider", "provider_message_id", "recipients", "route")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestVerdictSurvivesBrokenOutput(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		var stderr bytes.Buffer
		if code := (&output{stdout: brokenWriter{}, stderr: &stderr, json: asJSON}).report(partlyAccount()); code != exitPartly {
			t.Errorf("exit status %d", code)
		}
		if !strings.Contains(stderr.String(), io.ErrClosedPipe.Error()) {
			t.Errorf("standard error %q", stderr.String())
		}
	}
}
