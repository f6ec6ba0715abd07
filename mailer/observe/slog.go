package observe

import (
	"context"
	"log/slog"
	"time"

	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/mailer"
)

// Slog writes what it hears to a log. The texts of the lines are constant, so that they can be
// searched for; all else is in attributes. No line shows an address, content or a secret.
//
//	text                        level
//	mail attempt accepted       Debug
//	mail attempt failed         Info   in part or as a whole
//	mail attempt in doubt       Warn   the outcome is unknown
//	mail route passed over      Debug
//	mail route rests            Warn
//	mail route misconfigured    Error  somebody has to look at it
//	mail route on trial         Info
//	mail route is back          Info
//	mail detour begins          Warn
//	mail detour ends            Info
//
// The attributes are router, route, provider, message_id, outcome, scope, code, enhanced_code,
// phase, duration, retry_after, detail and skipped; of routes also from, to, cause and
// until. Those that say nothing are left out.
//
// The zero Slog writes to [slog.Default].
type Slog struct{ logger *slog.Logger }

var (
	_ Observer       = (*Slog)(nil)
	_ StateObserver  = (*Slog)(nil)
	_ DetourObserver = (*Slog)(nil)
)

// NewSlog returns an observer that writes to logger. Nil means what [slog.Default] is when
// there is something to write.
func NewSlog(logger *slog.Logger) *Slog { return &Slog{logger} }

// ObserveAttempt implements [Observer].
func (s *Slog) ObserveAttempt(ctx context.Context, a Attempt) {
	level, text := attemptLine(&a)
	h := s.handler()
	if !h.Enabled(ctx, level) {
		return
	}
	l := line{slog.NewRecord(time.Now(), level, text, 0)}
	l.text("router", a.Router)
	l.text("route", a.Route)
	l.text("provider", a.Provider)
	l.text("message_id", a.MessageID)
	l.addResult(&a)
	_ = h.Handle(ctx, l.Record)
}

// attemptLine returns how much attention an attempt asks for, and its text.
func attemptLine(a *Attempt) (slog.Level, string) {
	switch {
	case a.Skipped != "":
		return slog.LevelDebug, "mail route passed over"
	case a.Outcome == mailer.Accepted:
		return slog.LevelDebug, "mail attempt accepted"
	case a.Outcome == mailer.NotAccepted, a.Outcome == mailer.PartlyAccepted:
		return slog.LevelInfo, "mail attempt failed"
	}
	return slog.LevelWarn, "mail attempt in doubt"
}

// ObserveState implements [StateObserver]. The line bears the time of the change.
func (s *Slog) ObserveState(st State) {
	level, text := stateLine(&st)
	l := line{slog.NewRecord(st.Time, level, text, 0)}
	l.text("router", st.Router)
	l.text("route", st.Route)
	l.text("from", st.From)
	l.text("to", st.To)
	l.text("cause", st.Cause)
	if !st.Until.IsZero() {
		l.AddAttrs(slog.Time("until", st.Until))
	}
	l.text("detail", redact.Text(st.Detail))
	s.write(l)
}

func stateLine(st *State) (slog.Level, string) {
	switch {
	case st.To == "half-open" && st.Cause != "rate":
		return slog.LevelInfo, "mail route on trial"
	case st.Cause == "config":
		return slog.LevelError, "mail route misconfigured"
	case st.To == "open", st.Cause != "":
		return slog.LevelWarn, "mail route rests"
	}
	return slog.LevelInfo, "mail route is back"
}

// ObserveDetour implements [DetourObserver]. The line bears the time of the change.
func (s *Slog) ObserveDetour(d Detour) {
	level, text := slog.LevelInfo, "mail detour ends"
	if d.On {
		level, text = slog.LevelWarn, "mail detour begins"
	}
	l := line{slog.NewRecord(d.Time, level, text, 0)}
	l.text("router", d.Router)
	l.text("route", d.Route)
	s.write(l)
}

func (s *Slog) handler() slog.Handler {
	if s.logger == nil {
		return slog.Default().Handler()
	}
	return s.logger.Handler()
}

// write is for changes, which belong to no send and so to no context.
func (s *Slog) write(l line) {
	ctx, h := context.Background(), s.handler()
	if h.Enabled(ctx, l.Level) {
		_ = h.Handle(ctx, l.Record)
	}
}

// A line is a record to which only attributes are added that say something.
type line struct{ slog.Record }

// addResult adds how an attempt ended.
func (l *line) addResult(a *Attempt) {
	if a.Skipped != "" {
		l.text("skipped", redact.Text(a.Skipped))
		return
	}
	l.text("outcome", a.Outcome.String())
	if a.Scope != mailer.ScopeUnknown {
		l.text("scope", a.Scope.String())
	}
	if a.Code != 0 {
		l.AddAttrs(slog.Int("code", a.Code))
	}
	l.text("enhanced_code", a.EnhancedCode)
	l.text("phase", a.Phase.String())
	l.AddAttrs(slog.Duration("duration", a.Duration))
	if a.RetryAfter > 0 {
		l.AddAttrs(slog.Duration("retry_after", a.RetryAfter))
	}
	// The adapters of this module see to it themselves; other Senders may repeat what a server says.
	l.text("detail", redact.Text(a.Detail))
}

func (l *line) text(key, value string) {
	if value != "" {
		l.AddAttrs(slog.String(key, value))
	}
}
