package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// logged returns the one line that do writes, decoded, and as it is; nil when it writes none.
func logged(t *testing.T, level slog.Level, do func(*observe.Slog)) (fields map[string]any, raw string) {
	t.Helper()
	var b bytes.Buffer
	do(observe.NewSlog(slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: level}))))
	if b.Len() == 0 {
		return nil, ""
	}
	if err := json.Unmarshal(b.Bytes(), &fields); err != nil {
		t.Fatalf("not one line: %v\n%s", err, b.String())
	}
	return fields, b.String()
}

func TestAttemptLines(t *testing.T) {
	for _, c := range []struct {
		name        string
		attempt     mailer.Attempt
		level, text string
	}{
		{"accepted", mailer.Attempt{Outcome: mailer.Accepted}, "DEBUG", "mail attempt accepted"},
		{"not accepted", mailer.Attempt{Outcome: mailer.NotAccepted}, "INFO", "mail attempt failed"},
		{"partly", mailer.Attempt{Outcome: mailer.PartlyAccepted}, "INFO", "mail attempt failed"},
		{"unknown", mailer.Attempt{Outcome: mailer.Unknown}, "WARN", "mail attempt in doubt"},
		{"of no known kind", mailer.Attempt{Outcome: 99}, "WARN", "mail attempt in doubt"},
		{"passed over", mailer.Attempt{Outcome: mailer.NotAccepted, Skipped: "rests"}, "DEBUG", "mail route passed over"},
		{"passed over without a verdict", mailer.Attempt{Skipped: "rests"}, "DEBUG", "mail route passed over"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := logged(t, slog.LevelDebug, func(s *observe.Slog) {
				s.ObserveAttempt(t.Context(), observe.Attempt{Attempt: c.attempt})
			})
			if got["level"] != c.level || got["msg"] != c.text {
				t.Errorf("got %v, want %s %s", got, c.level, c.text)
			}
		})
	}
}

func TestStateLines(t *testing.T) {
	for _, c := range []struct {
		name, from, to, cause string
		level, text           string
	}{
		{"opens", "closed", "open", "provider", "WARN", "mail route rests"},
		{"opens again", "half-open", "open", "provider", "WARN", "mail route rests"},
		{"opens for an unsaid cause", "closed", "open", "", "WARN", "mail route rests"},
		{"is slow", "closed", "open", "slow", "WARN", "mail route rests"},
		{"reached a limit", "closed", "closed", "rate", "WARN", "mail route rests"},
		{"reached a limit on trial", "half-open", "half-open", "rate", "WARN", "mail route rests"},
		{"misconfigured", "closed", "open", "config", "ERROR", "mail route misconfigured"},
		{"on trial", "open", "half-open", "", "INFO", "mail route on trial"},
		{"on trial, cause kept", "open", "half-open", "config", "INFO", "mail route on trial"},
		{"back", "half-open", "closed", "", "INFO", "mail route is back"},
		{"back at once", "open", "closed", "", "INFO", "mail route is back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := logged(t, slog.LevelDebug, func(s *observe.Slog) {
				s.ObserveState(observe.State{From: c.from, To: c.to, Cause: c.cause})
			})
			if got["level"] != c.level || got["msg"] != c.text {
				t.Errorf("got %v, want %s %s", got, c.level, c.text)
			}
		})
	}
}

var failed = observe.Attempt{
	Router: "mail", MessageID: "<1@shop.example>", RetryAfter: 7 * time.Second,
	Attempt: mailer.Attempt{
		Route: "primary", Provider: "smtp", Start: time.Unix(1, 0), Duration: 3 * time.Millisecond, Phase: mailer.PhaseAuth,
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeRate, Code: 454, EnhancedCode: "4.7.0", Detail: "too many logins",
	},
}

func TestAttributes(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		do   func(*observe.Slog)
		want map[string]any // apart from time
	}{
		{"all of an attempt", func(s *observe.Slog) { s.ObserveAttempt(t.Context(), failed) }, map[string]any{
			"level": "INFO", "msg": "mail attempt failed", "router": "mail", "route": "primary", "provider": "smtp",
			"message_id": "<1@shop.example>", "outcome": "not_accepted", "scope": "rate", "code": 454.0, "enhanced_code": "4.7.0",
			"phase": "auth", "duration": 3e6, "retry_after": 7e9, "detail": "too many logins",
		}},
		{"an accepted attempt", func(s *observe.Slog) {
			s.ObserveAttempt(t.Context(), observe.Attempt{Attempt: mailer.Attempt{
				Route: "backup", Outcome: mailer.Accepted, Phase: mailer.PhaseDone, Code: 202,
			}})
		}, map[string]any{
			"level": "DEBUG", "msg": "mail attempt accepted", "route": "backup", "outcome": "accepted",
			"code": 202.0, "phase": "done", "duration": 0.0,
		}},
		{"a route passed over", func(s *observe.Slog) {
			s.ObserveAttempt(t.Context(), observe.Attempt{Attempt: mailer.Attempt{Route: "primary", Provider: "smtp", Skipped: "rests"}})
		}, map[string]any{
			"level": "DEBUG", "msg": "mail route passed over", "route": "primary", "provider": "smtp", "skipped": "rests",
		}},
		{"a state", func(s *observe.Slog) {
			s.ObserveState(observe.State{
				Router: "mail", Route: "primary", Time: at, From: "closed", To: "open", Cause: "provider", Until: at.Add(time.Minute), Detail: "EOF",
			})
		}, map[string]any{
			"level": "WARN", "msg": "mail route rests", "router": "mail", "route": "primary", "from": "closed", "to": "open",
			"cause": "provider", "until": "2026-11-22T08:01:00Z", "detail": "EOF",
		}},
		{"a detour", func(s *observe.Slog) {
			s.ObserveDetour(observe.Detour{Router: "mail", Time: at, On: true, Route: "backup"})
		}, map[string]any{"level": "WARN", "msg": "mail detour begins", "router": "mail", "route": "backup"}},
		{"its end", func(s *observe.Slog) {
			s.ObserveDetour(observe.Detour{Router: "mail", Time: at, Route: "primary"})
		}, map[string]any{"level": "INFO", "msg": "mail detour ends", "router": "mail", "route": "primary"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, raw := logged(t, slog.LevelDebug, c.do)
			delete(got, "time")
			if !maps.Equal(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
			if strings.Count(raw, `"time"`) != 1 {
				t.Errorf("not one time in %s", raw)
			}
		})
	}
}

// A change is logged with the time at which it came about, whenever it is heard.
func TestTimeOfChanges(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for name, do := range map[string]func(*observe.Slog){
		"state":  func(s *observe.Slog) { s.ObserveState(observe.State{Time: at}) },
		"detour": func(s *observe.Slog) { s.ObserveDetour(observe.Detour{Time: at}) },
	} {
		if got, _ := logged(t, slog.LevelDebug, do); got["time"] != "2026-11-22T08:00:00Z" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What a logger does not want is not written, whatever kind it is.
func TestLevelIsObeyed(t *testing.T) {
	for name, do := range map[string]func(*observe.Slog){
		"attempt": func(s *observe.Slog) { s.ObserveAttempt(t.Context(), failed) },
		"state":   func(s *observe.Slog) { s.ObserveState(observe.State{To: "open", Cause: "provider"}) },
		"detour":  func(s *observe.Slog) { s.ObserveDetour(observe.Detour{On: true}) },
	} {
		if _, raw := logged(t, slog.LevelError, do); raw != "" {
			t.Errorf("%s: logged %s", name, raw)
		}
	}
}

// A Sender that is not of this module may put anything into the texts for display.
func TestNothingPrivateIsLogged(t *testing.T) {
	token := "SG." + strings.Repeat("c4n4ry", 10)
	private := "user canary@example.org with " + token + "\nX-Injected: canary@example.net"
	for name, do := range map[string]func(*observe.Slog){
		"detail": func(s *observe.Slog) {
			s.ObserveAttempt(t.Context(), observe.Attempt{Attempt: mailer.Attempt{Route: "r", Detail: private}})
		},
		"skipped": func(s *observe.Slog) {
			s.ObserveAttempt(t.Context(), observe.Attempt{Attempt: mailer.Attempt{Route: "r", Skipped: private}})
		},
		"state": func(s *observe.Slog) { s.ObserveState(observe.State{Route: "r", To: "open", Detail: private}) },
	} {
		fields, raw := logged(t, slog.LevelDebug, do)
		for _, secret := range []string{"canary", token, "example.org", "example.net", "c4n4ryc4n4ry", `\n`} {
			if strings.Contains(strings.TrimSpace(raw), secret) {
				t.Errorf("%s: %q shows in %s", name, secret, raw)
			}
		}
		if !slices.ContainsFunc(slices.Collect(maps.Values(fields)), func(v any) bool {
			text, _ := v.(string)
			return strings.Contains(text, "<address> with SG.")
		}) {
			t.Errorf("%s: the text is gone: %s", name, raw)
		}
	}
}

type contextKey struct{}

// contextHandler shows which context reached it.
type contextHandler struct {
	slog.Handler
	seen *[]any
}

func (h contextHandler) Handle(ctx context.Context, _ slog.Record) error {
	*h.seen = append(*h.seen, ctx.Value(contextKey{}))
	return nil
}

// Handlers find in the context what they add to a line, such as the trace.
func TestContextReachesHandler(t *testing.T) {
	var seen []any
	observer := observe.NewSlog(slog.New(contextHandler{slog.DiscardHandler, &seen}))
	observer.ObserveAttempt(context.WithValue(t.Context(), contextKey{}, "trace"), failed)
	if len(seen) != 0 {
		t.Fatal("a handler that is not enabled was called")
	}
	observer = observe.NewSlog(slog.New(contextHandler{slog.NewTextHandler(t.Output(), nil), &seen}))
	observer.ObserveAttempt(context.WithValue(t.Context(), contextKey{}, "trace"), failed)
	if !slices.Equal(seen, []any{"trace"}) {
		t.Errorf("the handler saw %v", seen)
	}
}

// Nil, and the zero Slog, mean the default logger of the moment, not of the start.
func TestDefaultLogger(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	for name, observer := range map[string]*observe.Slog{"nil": observe.NewSlog(nil), "zero": {}} {
		var b bytes.Buffer
		slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
		observer.ObserveDetour(observe.Detour{On: true, Route: "backup"})
		if !strings.Contains(b.String(), `msg="mail detour begins" route=backup`) {
			t.Errorf("%s: logged %q", name, b.String())
		}
	}
}
