package acstest

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestRepeats(t *testing.T) {
	other := with(t, `"content":{"subject":"other","plainText":"hi"}`)
	for _, tt := range []struct {
		name            string
		conflicts       bool
		same, different int
	}{
		{"by default", false, http.StatusAccepted, http.StatusConflict},
		{"conflicts", true, http.StatusConflict, http.StatusConflict},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Start(t, Config{RepeatConflicts: tt.conflicts})
			first := sendAs(t, s, id1, plain)
			again := sendAs(t, s, strings.ToUpper(id1), plain)
			if again.status != tt.same || again.status == http.StatusAccepted && again.body != first.body {
				t.Errorf("the same: %d %s", again.status, again.body)
			}
			if g := sendAs(t, s, id1, other); g.status != tt.different || g.failure(t).Code != "Conflict" {
				t.Errorf("another body: %d %s", g.status, g.body)
			}
			if g := sendAs(t, s, id2, plain); g.status != http.StatusAccepted {
				t.Errorf("another id: %d %s", g.status, g.body)
			}
			if len(s.Messages()) != 2 || s.Repeats() != 2 {
				t.Errorf("%d messages, %d repeats", len(s.Messages()), s.Repeats())
			}
		})
	}
}

// TestRepeatUnseen: the service does not know what a fault kept from it.
func TestRepeatUnseen(t *testing.T) {
	s := Start(t, Config{})
	s.Next(Reply(Gateway(http.StatusBadGateway)))
	for i, want := range []int{http.StatusBadGateway, http.StatusAccepted} {
		if g := sendAs(t, s, id1, plain); g.status != want {
			t.Errorf("request %d: %d", i, g.status)
		}
	}
	if len(s.Messages()) != 1 || s.Repeats() != 0 || s.Messages()[0].Request != 1 {
		t.Errorf("%+v, %d repeats", s.Messages(), s.Repeats())
	}
}

// TestAtTheSameTime: of many equal requests one is queued.
func TestAtTheSameTime(t *testing.T) {
	s := Start(t, Config{})
	const requests = 8
	var all sync.WaitGroup
	for range requests {
		req := request(t, s, http.MethodPost, sendTarget, plain)
		signWith(t, req, plain, s.Key(), s.cfg.Now())
		req.Header.Set("Operation-Id", id1)
		all.Go(func() {
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusAccepted {
				t.Errorf("%s", resp.Status)
			}
		})
	}
	all.Wait()
	if len(s.Messages()) != 1 || s.Repeats() != requests-1 {
		t.Errorf("%d messages, %d repeats", len(s.Messages()), s.Repeats())
	}
}

// TestRaces: requests between whose answers and commits another came are not held in secret.
func TestRaces(t *testing.T) {
	s := Start(t, Config{})
	guarded := Message{OperationID: id1, Headers: map[string]string{"Message-ID": "<1@example.com>", validateMessageID: "true"}}
	one, two := s.queue(guarded, [32]byte{1}, version2025), s.queue(guarded, [32]byte{2}, version2025)
	guarded.OperationID = id2
	three := s.queue(guarded, [32]byte{1}, version2025)
	for _, a := range []Answer{one, two, three} {
		if a.Status != http.StatusAccepted {
			t.Errorf("status %d", a.Status)
		}
		a.Commit()
	}
	if len(s.Messages()) != 1 || s.Repeats() != 1 || len(s.Violations()) != 2 {
		t.Errorf("%d messages, %d repeats, violations %q", len(s.Messages()), s.Repeats(), s.Violations())
	}
}

func headers(messageID, guard string) string {
	return `"headers":{"Message-ID":"` + messageID + `","x-ms-acsemail-validate-message-id":"` + guard + `"}`
}

func TestMessageID(t *testing.T) {
	for _, tt := range []struct {
		id    string
		valid bool
	}{
		{"<guid@domain.com>", true},
		{"<202501131823.34067409c4494c2c8b2de03ceb26f173-NVZOA======@microsoft.com>", true},
		{"guid@domain.com", false},
		{"<guid>", false},
		{"<guid.domain>", false},
		{"<guid@domain>", false},
		{"<gu id@domain.com>", false},
		{"<a@b@domain.com>", false},
		{"<.guid@domain.com>", false},
		{"<@domain.com>", false},
		{"<(c)@domain.com>", false},
		{"", false},
	} {
		t.Run(tt.id, func(t *testing.T) {
			s := Start(t, Config{})
			want := http.StatusBadRequest
			if tt.valid {
				want = http.StatusAccepted
			}
			if g := send(t, s, with(t, headers(tt.id, "true"))); g.status != want {
				t.Errorf("guarded: %d %s", g.status, g.body)
			}
			s = Start(t, Config{})
			if g := send(t, s, with(t, headers(tt.id, "false"))); g.status != http.StatusAccepted {
				t.Fatalf("unguarded: %d %s", g.status, g.body)
			}
			if got := s.Messages()[0].MessageID; (got == tt.id) != tt.valid || !isMessageID(got) {
				t.Errorf("Message-ID %s", got)
			}
		})
	}
}

func TestMessageIDSeenBefore(t *testing.T) {
	s := Start(t, Config{})
	const given = "<1@example.com>"
	for _, guard := range []string{"false", "false", "true"} {
		g := send(t, s, with(t, headers(given, guard)))
		if want := map[string]int{"false": 202, "true": 400}[guard]; g.status != want {
			t.Errorf("%s: %d %s", guard, g.status, g.body)
		}
	}
	m := s.Messages()
	if len(m) != 2 || m[0].MessageID != given || m[1].MessageID == given || m[1].Header("message-id") != given {
		t.Errorf("held %+v", m)
	}
}

func TestGuardOfRepeats(t *testing.T) {
	body := with(t, headers("<1@example.com>", "true"))
	for guarded, want := range map[bool]int{false: http.StatusAccepted, true: http.StatusBadRequest} {
		s := Start(t, Config{GuardRepeats: guarded})
		sendAs(t, s, id1, body)
		if g := sendAs(t, s, id1, body); g.status != want {
			t.Errorf("%t: %d %s", guarded, g.status, g.body)
		}
		if g := sendAs(t, s, id2, body); g.status != http.StatusBadRequest || g.failure(t).Target != "headers.Message-ID" {
			t.Errorf("another operation: %d %s", g.status, g.body)
		}
		if len(s.Messages()) != 1 {
			t.Errorf("%d messages", len(s.Messages()))
		}
	}
}
