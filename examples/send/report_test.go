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

var partly = &mailer.Receipt{
	Outcome: mailer.PartlyAccepted, Provider: "smtp", Route: "mail", ProviderMessageID: "4bX1", MessageID: "<m@example.com>",
	IdempotencyKey: "m@example.com", Degraded: []string{"tags"},
	Recipients: []mailer.RecipientResult{
		{Address: "bob@example.org", Outcome: mailer.Accepted, Code: 250, EnhancedCode: "2.0.0", ProviderMessageID: "4bX1"},
		{Address: "eve@example.org", Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Code: 550, EnhancedCode: "5.1.1", Detail: "no such user"},
	},
	Attempts: []mailer.Attempt{
		{Route: "first", Provider: "smtp", Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider, Decision: "next route", Duration: 1500 * time.Microsecond},
		{Route: "second", Provider: "smtp", Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate, Decision: "next route", Skipped: "resting"},
		{Route: "mail", Provider: "smtp", Outcome: mailer.PartlyAccepted, Scope: mailer.ScopeRecipient, Code: 550, EnhancedCode: "5.1.1", Decision: "stop", Duration: 20 * time.Millisecond},
	},
}

func reported(t *testing.T, asJSON bool, a *account) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = (&output{&out, &errs, asJSON}).report(a)
	return out.String(), errs.String(), code
}

func partlyAccount() *account {
	return newAccount(partly, &mailer.SendError{Receipt: partly, Outcome: partly.Outcome, Protocol: "smtp", Code: 550, EnhancedCode: "5.1.1"})
}

func TestJSON(t *testing.T) {
	stdout, _, code := reported(t, true, partlyAccount())
	const want = `{"outcome":"partly_accepted","provider":"smtp","route":"mail","provider_message_id":"4bX1","message_id":"<m@example.com>",` +
		`"recipients":[{"address":"bob@example.org","outcome":"accepted","scope":"unknown","code":250},` +
		`{"address":"eve@example.org","outcome":"not_accepted","scope":"recipient","code":550}],` +
		`"attempts":[{"route":"first","provider":"smtp","outcome":"not_accepted","scope":"provider","code":0,"decision":"next route","duration_ms":1},` +
		`{"route":"second","provider":"smtp","outcome":"not_accepted","scope":"rate","code":0,"decision":"next route","duration_ms":0},` +
		`{"route":"mail","provider":"smtp","outcome":"partly_accepted","scope":"recipient","code":550,"decision":"stop","duration_ms":20}],` +
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
attempt    first (smtp)     not_accepted     provider   -          next route after 1.5ms
attempt    second (smtp)    not_accepted     rate       -          skipped: resting
attempt    mail (smtp)      partly_accepted  recipient  550 5.1.1  stop after 20ms
recipient  bob@example.org  accepted         -          250 2.0.0  4bX1
recipient  eve@example.org  not_accepted     recipient  550 5.1.1  no such user
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
		if code := (&output{brokenWriter{}, &stderr, asJSON}).report(partlyAccount()); code != exitPartly {
			t.Errorf("exit status %d", code)
		}
		if !strings.Contains(stderr.String(), io.ErrClosedPipe.Error()) {
			t.Errorf("standard error %q", stderr.String())
		}
	}
}
