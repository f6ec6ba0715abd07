package router

import (
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

func one(rt Route) []Route { return []Route{rt} }

// TestConfigErrors: each names the field that is wrong.
func TestConfigErrors(t *testing.T) {
	good := one(Route{Sender: bare{}})
	many := make([]Route, maxRoutes+1)
	for i := range many {
		many[i].Sender = bare{}
	}
	for _, c := range []struct {
		cfg  Config
		want string // empty: none
	}{
		{Config{Routes: good}, ""},
		{Config{}, "router: Routes is empty"},
		{Config{Routes: many}, "router: Routes has more than 64"},
		{Config{Routes: many[:maxRoutes]}, ""},
		{Config{Routes: good, Policy: Weighted}, ""},
		{Config{Routes: good, Policy: Weighted + 1}, "router: Policy is not one of the named values"},
		{Config{Routes: good, Policy: -1}, "router: Policy is not one of the named values"},
		{Config{Routes: good, Delivery: mailer.AtLeastOnce}, ""},
		{Config{Routes: good, Delivery: mailer.AtLeastOnce + 1}, "router: Delivery is not one of the named values"},
		{Config{Routes: good, Delivery: -1}, "router: Delivery is not one of the named values"},
		{Config{Routes: good, MaxAttempts: -1}, "router: MaxAttempts is negative"},
		{Config{Routes: good, Rest: -1}, "router: Rest is negative"},
		{Config{Routes: []Route{good[0], {}}}, "router: Routes[1]: Sender is nil"},
		{Config{Routes: one(Route{Sender: bare{}, From: mailer.Address{Address: "x@example.com", Name: "X"}})}, ""},
		{Config{Routes: one(Route{Sender: bare{}, From: mailer.Address{Address: "example.com"}})}, "router: Routes[0]: From is not an address"},
		{Config{Routes: one(Route{Sender: bare{}, From: mailer.Address{Address: "a@b.example, c@d.example"}})}, "router: Routes[0]: From is not an address"},
		{Config{Routes: one(Route{Sender: bare{}, From: mailer.Address{Name: "X"}})}, "router: Routes[0]: From is not an address"},
		{Config{Routes: []Route{{Sender: bare{}, Name: "a"}, {Sender: bare{}, Name: "a"}}}, `router: two routes are called "a"`},
		{Config{Routes: []Route{{Sender: bare{}, Name: "route 2"}, {Sender: bare{}}}}, `router: two routes are called "route 2"`},
		{Config{Routes: []Route{{Sender: named{name: "eu"}}, {Sender: bare{}, Name: "eu"}}}, `router: two routes are called "eu"`},
		{Config{Routes: []Route{{Sender: named{name: "eu"}}, {Sender: named{name: "eu"}, Name: "us"}}}, ""},
	} {
		r, err := New(c.cfg)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) || (r == nil) != (err != nil) {
			t.Errorf("got %q, want %q", got, c.want)
		}
		if r != nil {
			_ = r.Close(t.Context())
		}
	}
}

// durations are the fields of which a negative value turns off what they limit.
func (c *Config) durations() map[string]*time.Duration {
	return map[string]*time.Duration{
		"CommitLimit": &c.CommitLimit, "MinSlice": &c.MinSlice, "StartLimit": &c.StartLimit, "ReplyLimit": &c.ReplyLimit,
		"DoubtLimit": &c.DoubtLimit, "AskLimit": &c.AskLimit, "RetryDelay": &c.RetryDelay, "CheckInterval": &c.CheckInterval,
	}
}

func TestConfigDefaults(t *testing.T) {
	defaults := map[string]time.Duration{
		"CommitLimit": 30 * time.Second, "MinSlice": 3 * time.Second, "StartLimit": 250 * time.Millisecond, "ReplyLimit": time.Second,
		"DoubtLimit": 10 * time.Second, "AskLimit": 5 * time.Second, "RetryDelay": 200 * time.Millisecond, "CheckInterval": 0,
	}
	for _, c := range []struct {
		given time.Duration
		want  func(fallback time.Duration) time.Duration
	}{
		{0, func(fallback time.Duration) time.Duration { return fallback }},
		{-1, func(time.Duration) time.Duration { return 0 }},
		{math.MinInt64, func(time.Duration) time.Duration { return 0 }},
		{1, func(time.Duration) time.Duration { return 1 }},
		{time.Hour, func(time.Duration) time.Duration { return time.Hour }},
	} {
		cfg := Config{Routes: one(Route{Sender: bare{}})}
		for _, d := range cfg.durations() {
			*d = c.given
		}
		cfg, err := cfg.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		for name, d := range cfg.durations() {
			if want := c.want(defaults[name]); *d != want {
				t.Errorf("%s of %v becomes %v, want %v", name, c.given, *d, want)
			}
		}
		if cfg.Name != "router" || cfg.Delivery != mailer.AtMostOnce || cfg.MaxAttempts != 3 || cfg.Rest != 10*time.Second {
			t.Errorf("the other defaults are %q, %s, %d, %v", cfg.Name, cfg.Delivery, cfg.MaxAttempts, cfg.Rest)
		}
	}
}

func TestConfigIsKept(t *testing.T) {
	cfg := Config{
		Name: "mail", Routes: one(Route{Sender: bare{}, Name: "a"}), Policy: RoundRobin, Delivery: mailer.AtLeastOnce,
		MaxAttempts: 7, Rest: time.Minute, SplitRecipients: true,
	}
	got, err := cfg.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "mail" || got.Policy != RoundRobin || got.Delivery != mailer.AtLeastOnce || got.MaxAttempts != 7 ||
		got.Rest != time.Minute || !got.SplitRecipients {
		t.Errorf("got %+v", got)
	}
	cfg.Routes[0].Name = "changed"
	if got.Routes[0].Name != "a" {
		t.Error("the routes are the caller's to change")
	}
}

// TestPlain: only where nothing limits an attempt is there a short way.
func TestPlain(t *testing.T) {
	off := Config{CommitLimit: -1, MinSlice: -1, StartLimit: -1, ReplyLimit: -1, DoubtLimit: -1}
	for name, change := range map[string]func(*Config){
		"all off":     func(*Config) {},
		"CommitLimit": func(c *Config) { c.CommitLimit = 0 },
		"Observer":    func(c *Config) { c.Observer = observe.NewSlog(slog.Default()) },
		"MinSlice":    func(c *Config) { c.MinSlice = 1 },
		"StartLimit":  func(c *Config) { c.StartLimit = 1 },
		"ReplyLimit":  func(c *Config) { c.ReplyLimit = 1 },
		"DoubtLimit":  func(c *Config) { c.DoubtLimit = 1 },
	} {
		cfg := off
		change(&cfg)
		if got, want := newTestRouter(t, cfg, 1).plain, strings.HasPrefix(name, "all"); got != want {
			t.Errorf("%s: plain is %t", name, got)
		}
	}
}
