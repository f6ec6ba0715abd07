package main

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A monitor reads this.
type healthSeen struct {
	Routes []struct{ Name, State, Cause string }
	Doubts int
}

// unauthorized takes a route out at once: nobody can send with a wrong password.
var unauthorized = refusal(mailer.SendError{Scope: mailer.ScopeAccount, Protocol: "smtp", Code: 535, EnhancedCode: "5.7.8", Elsewhere: true})

func newRouter(t *testing.T, primary, backup mailer.Sender) *router.Router {
	t.Helper()
	r, err := router.New(router.Config{Routes: []router.Route{{Name: "primary", Sender: primary}, {Name: "backup", Sender: backup}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(t.Context()) })
	return r
}

// limited keeps mail from a route for a while, which does not make it unhealthy.
var limited = refusal(mailer.SendError{Scope: mailer.ScopeRate, Elsewhere: true, Temporary: true, RetryAfter: time.Hour})

// Monitors see which route rests, and hear of trouble when none takes mail.
func TestHealth(t *testing.T) {
	type expected struct {
		name            string
		send            int // the status of a message that is sent before; 0: none is
		status          int
		primary, backup string
	}
	for _, c := range []struct {
		name    string
		trouble mailertest.Step
		steps   []expected
	}{
		{"wrong credentials", unauthorized, []expected{
			{"at the start", 0, http.StatusOK, "closed", "closed"},
			{"the primary", http.StatusAccepted, http.StatusOK, "open", "closed"},
			{"and the backup too", http.StatusBadGateway, http.StatusServiceUnavailable, "open", "open"},
		}},
		{"limits", limited, []expected{
			{"the primary", http.StatusAccepted, http.StatusOK, "closed", "closed"},
			{"and the backup too", http.StatusServiceUnavailable, http.StatusServiceUnavailable, "closed", "closed"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			primary := &mailertest.Script{Rest: &c.trouble}
			backup := &mailertest.Script{Steps: []mailertest.Step{{}}, Rest: &c.trouble}
			_, h := newService(t, wrapped{newRouter(t, primary, backup)})
			for _, e := range c.steps {
				if e.send != 0 {
					if w, _ := post(t, h, "/order", receiptForm); w.Code != e.send {
						t.Errorf("%s: the message got %d, %s", e.name, w.Code, w.Body)
					}
				}
				var seen healthSeen
				if status := get(t, h, "/healthz", &seen); status != e.status {
					t.Errorf("%s: status %d, want %d", e.name, status, e.status)
				}
				if len(seen.Routes) != 2 || seen.Routes[0].Name != "primary" || seen.Routes[0].State != e.primary || seen.Routes[1].State != e.backup {
					t.Errorf("%s: %+v", e.name, seen)
				}
			}
			if len(backup.Kept()) != 1 || len(primary.Kept()) != 0 {
				t.Errorf("the backup has %d messages, want 1", len(backup.Kept()))
			}
		})
	}
}

// wrapped is what providers.Open returns: the router is found inside.
type wrapped struct{ *router.Router }

func (w wrapped) Unwrap() mailer.Sender { return w.Router }

// With one provider there is no router, and nothing to tell but doubts.
func TestHealthWithoutRouter(t *testing.T) {
	_, h := newService(t, &mailertest.Script{Steps: []mailertest.Step{lost}})
	post(t, h, "/reset", url.Values{"to": {"ann@example.org"}})
	var seen healthSeen
	if status := get(t, h, "/healthz", &seen); status != http.StatusOK || seen.Routes == nil || len(seen.Routes) != 0 || seen.Doubts != 1 {
		t.Errorf("got %d, %+v", status, seen)
	}
}

// The same message is in doubt at one provider and goes to another one only where that may be.
func TestDoubtAndFailover(t *testing.T) {
	for path, copies := range map[string]int{"/order": 0, "/reset": 1} {
		backup := &mailertest.Script{Rest: &mailertest.Step{}}
		s, h := newService(t, newRouter(t, &mailertest.Script{Rest: &lost}, backup))
		_, a := post(t, h, path, receiptForm)
		want, doubts := "unknown", 1
		if copies == 1 {
			want, doubts = "accepted", 0
		}
		if a.Outcome != want || backup.Copies(a.MessageID) != copies || len(s.doubts.all()) != doubts {
			t.Errorf("%s: %+v, the backup has %d copies, %d in doubt", path, a, backup.Copies(a.MessageID), len(s.doubts.all()))
		}
	}
}
