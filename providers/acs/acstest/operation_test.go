package acstest

import (
	"net/http"
	"testing"
	"time"
)

func TestAcceptance(t *testing.T) {
	for _, tt := range []struct {
		name       string
		cfg        Config
		location   string // after the endpoint
		retryAfter string
	}{
		{"by default", Config{}, "//emails/operations/" + id1 + "?api-version=2025-09-01", "20"},
		{"behind a name", Config{Host: "contoso.communication.azure.com", RetryAfter: 1500 * time.Millisecond}, "//emails/operations/" + id1 + "?api-version=2025-09-01", "2"},
		{"without both", Config{OmitLocation: true, RetryAfter: -1}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Start(t, tt.cfg)
			g := sendAs(t, s, id1, plain)
			if g.status != http.StatusAccepted || g.result(t) != (result{ID: id1, Status: StatusRunning}) {
				t.Errorf("%d %s", g.status, g.body)
			}
			want := tt.location
			if want != "" {
				want = s.Endpoint() + want
			}
			if got := g.header.Get("Operation-Location"); got != want || g.header.Get("Retry-After") != tt.retryAfter {
				t.Errorf("%v, want %s", g.header, want)
			}
			if tt.location == "" {
				return
			}
			if g := call(t, s, http.MethodGet, tt.location, "", nil); g.status != http.StatusOK || g.result(t).ID != id1 {
				t.Errorf("at the location: %d %s; %q", g.status, g.body, s.Denials())
			}
		})
	}
}

// A sight is what a request for a status finds: the status, "" for 404, and the code.
type sight struct {
	status Status
	code   string
}

func look(t *testing.T, s *Server, id string) sight {
	t.Helper()
	g := status(t, s, id)
	if g.status == http.StatusNotFound && g.failure(t).Code == "NotFound" {
		return sight{}
	}
	r := g.result(t)
	if running := r.Status == StatusRunning; g.status != http.StatusOK || running != (g.header.Get("Retry-After") != "") {
		t.Errorf("%d %v %s", g.status, g.header, g.body)
	}
	if r.Error != nil {
		return sight{r.Status, r.Error.Code}
	}
	return sight{r.Status, ""}
}

func TestLife(t *testing.T) {
	running, succeeded := sight{StatusRunning, ""}, sight{StatusSucceeded, ""}
	for _, tt := range []struct {
		name string
		life Life
		want []sight // one each second, from the time of acceptance
	}{
		{"zero", Life{}, []sight{succeeded, succeeded}},
		{"runs for reads", Life{RunningReads: 2}, []sight{running, running, succeeded}},
		{"runs for a time", Life{RunningFor: 2 * time.Second}, []sight{running, running, succeeded}},
		{"appears after a time", Life{VisibleAfter: 2 * time.Second, RunningReads: 1}, []sight{{}, {}, running, succeeded}},
		{"appears after reads", Life{HiddenReads: 1, RunningReads: 1}, []sight{{}, running, succeeded}},
		{"never appears", Life{Hidden: true}, []sight{{}, {}, {}}},
		{"dropped", Life{RunningReads: 1, End: Dropped()}, []sight{running, {StatusFailed, "EmailDropped"}}},
		{"canceled", Life{End: Canceled()}, []sight{{StatusCanceled, "OperationCanceled"}}},
		{"a status of another kind", Life{End: End{Status: StatusNotStarted}}, []sight{{StatusNotStarted, ""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			s := Start(t, Config{Now: c.now, Life: Life{End: Dropped()}})
			s.NextLife(tt.life)
			sendAs(t, s, id1, plain)
			sendAs(t, s, id2, plain)
			for i, want := range tt.want {
				if got := look(t, s, id1); got != want {
					t.Errorf("after %d s: %v, want %v", i, got, want)
				}
				c.pass(time.Second)
			}
			if got := look(t, s, id2); got != (sight{StatusFailed, "EmailDropped"}) {
				t.Errorf("the other: %v", got)
			}
		})
	}
}

func TestEnd(t *testing.T) {
	s := Start(t, Config{Life: Life{Hidden: true, RunningFor: time.Hour}})
	sendAs(t, s, id1, plain)
	if s.End(id2, Dropped()) {
		t.Error("an unknown operation was ended")
	}
	if got := look(t, s, id1); got != (sight{}) {
		t.Errorf("before: %v", got)
	}
	if !s.End(id1, Canceled()) || look(t, s, id1) != (sight{StatusCanceled, "OperationCanceled"}) {
		t.Error("the operation was not ended")
	}
}

func TestSuppressed(t *testing.T) {
	for _, tt := range []struct {
		name       string
		suppressed []string
		want       sight
	}{
		{"none", []string{"x@example.org"}, sight{StatusSucceeded, ""}},
		{"one of two", []string{"BOB@example.org"}, sight{StatusSucceeded, ""}},
		{"all", []string{"bob@example.org", "c@example.org"}, sight{StatusFailed, "EmailDroppedAllRecipientsSuppressed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Start(t, Config{Suppressed: tt.suppressed})
			sendAs(t, s, id1, with(t, `"recipients":{`+bob+`,"bcc":[{"address":"c@example.org"}]}`))
			if got := look(t, s, id1); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestHiddenFault: a read that a fault keeps from the service is none.
func TestHiddenFault(t *testing.T) {
	s := Start(t, Config{Life: Life{HiddenReads: 1}})
	sendAs(t, s, id1, plain)
	s.Next(Reply(Unavailable()))
	for i, want := range []int{http.StatusServiceUnavailable, http.StatusNotFound, http.StatusOK} {
		if g := status(t, s, id1); g.status != want {
			t.Errorf("read %d: %d, want %d", i, g.status, want)
		}
	}
}
