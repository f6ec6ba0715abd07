package mailguntest_test

import (
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

func TestDomains(t *testing.T) {
	srv := mailguntest.Start(t, mailguntest.Config{Region: "eu", Domains: []mailguntest.Domain{
		{Name: "mg.example.com", Region: "eu"},
		{Name: "new.example.com", Region: "eu", State: mailguntest.Unverified},
		{Name: "off.example.com", Region: "eu", State: mailguntest.Disabled},
		{Name: "box.example.com", Region: "eu", Sandbox: true},
		{Name: "us.example.com"},
	}})
	type domain struct {
		Name, State, Type string
		Disabled          bool
	}
	for path, want := range map[string]domain{
		"/v4/domains/mg.example.com":  {"mg.example.com", "active", "custom", false},
		"/v3/domains/mg.example.com":  {"mg.example.com", "active", "custom", false},
		"/v4/domains/new.example.com": {"new.example.com", "unverified", "custom", false},
		"/v4/domains/off.example.com": {"off.example.com", "disabled", "custom", true},
		"/v4/domains/box.example.com": {"box.example.com", "active", "sandbox", false},
		"/v4/domains/us.example.com":  {},
		"/v4/domains/no.example.com":  {},
	} {
		var reply struct {
			Message string
			Domain  struct {
				Name, State, Type string
				IsDisabled        bool `json:"is_disabled"`
			}
		}
		status, wantStatus, wantText := get(t, srv, srv.URL()+path, &reply), 200, ""
		if want.Name == "" {
			wantStatus, wantText = 404, "Domain not found"
		}
		got := domain{reply.Domain.Name, reply.Domain.State, reply.Domain.Type, reply.Domain.IsDisabled}
		if got != want || status != wantStatus || reply.Message != wantText {
			t.Errorf("%s: got %d %q %+v, want %+v", path, status, reply.Message, got, want)
		}
	}
}

func TestSendingQueues(t *testing.T) {
	until := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	srv := mailguntest.Start(t, mailguntest.Config{Domains: []mailguntest.Domain{
		{Name: "mg.example.com"}, {Name: "full.example.com", QueueDisabledUntil: until, QueueDisabledReason: "too many"},
	}})
	type queue struct {
		IsDisabled bool `json:"is_disabled"`
		Disabled   struct{ Until, Reason string }
	}
	full := queue{IsDisabled: true}
	full.Disabled.Until, full.Disabled.Reason = "Fri, 02 Jan 2026 15:04:05 UTC", "too many"
	for name, want := range map[string]queue{"mg.example.com": {}, "full.example.com": full} {
		var got struct{ Regular, Scheduled queue }
		status := get(t, srv, srv.URL()+"/v3/domains/"+name+"/sending_queues", &got)
		if status != 200 || got.Regular != want || got.Scheduled != (queue{}) {
			t.Errorf("%s: got %d %+v, want %+v", name, status, got, want)
		}
	}
}
