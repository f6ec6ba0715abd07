package mailer_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestRollUp(t *testing.T) {
	const (
		u, a, p, n = mailer.Unknown, mailer.Accepted, mailer.PartlyAccepted, mailer.NotAccepted
	)
	tests := []struct {
		name    string
		results []mailer.Outcome
		want    mailer.Outcome
	}{
		{"none", nil, u},
		{"accepted", []mailer.Outcome{a}, a},
		{"all accepted", []mailer.Outcome{a, a, a}, a},
		{"refused", []mailer.Outcome{n}, n},
		{"all refused", []mailer.Outcome{n, n}, n},
		{"some refused, last", []mailer.Outcome{a, a, n}, p},
		{"some refused, first", []mailer.Outcome{n, a}, p},
		{"unknown", []mailer.Outcome{u}, u},
		{"unknown among accepted", []mailer.Outcome{a, u, a}, u},
		{"unknown among refused", []mailer.Outcome{n, n, u}, u},
		{"unknown first, all kinds", []mailer.Outcome{u, a, n}, u},
		{"a recipient is never partly accepted", []mailer.Outcome{a, p}, u},
		{"no named value", []mailer.Outcome{a, 17}, u},
		{"negative value", []mailer.Outcome{n, -1}, u},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			results := make([]mailer.RecipientResult, len(tt.results))
			for i, o := range tt.results {
				results[i].Outcome = o
			}
			if got := mailer.RollUp(results); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A Receipt is stored and read again by programs that keep a record of what they sent.
func TestReceiptJSONRoundTrip(t *testing.T) {
	want := mailer.Receipt{
		Outcome: mailer.PartlyAccepted, Provider: "smtp", Route: "primary", ProviderMessageID: "1",
		MessageID: "<a@b>", IdempotencyKey: "a@b", Degraded: []string{"tags"},
		Recipients: []mailer.RecipientResult{{
			Address: "b@example.com", Outcome: mailer.NotAccepted, Scope: mailer.ScopeRecipient, Code: 550,
			EnhancedCode: "5.1.1", Detail: "unknown", Temporary: true, Elsewhere: true, RetryAfter: time.Second,
			Provider: "smtp", Route: "primary", ProviderMessageID: "1",
		}},
		Attempts: []mailer.Attempt{{
			Route: "primary", Provider: "smtp", Start: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Duration: time.Minute,
			Phase: mailer.PhaseCommitted, Outcome: mailer.Unknown, Scope: mailer.ScopeProvider, Code: 421,
			EnhancedCode: "4.3.2", Decision: "stop", Skipped: "open",
		}},
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got mailer.Receipt
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestReceiptJSONNames(t *testing.T) {
	data, err := json.Marshal(mailer.Receipt{Outcome: mailer.NotAccepted})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"outcome", "provider", "route", "provider_message_id", "message_id", "idempotency_key",
		"recipients", "attempts", "degraded",
	} {
		if _, has := fields[name]; !has {
			t.Errorf("no %q in %s", name, data)
		}
	}
	if fields["outcome"] != "not_accepted" {
		t.Errorf("outcome is %v, want its name", fields["outcome"])
	}
}
