package observe_test

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// What a log holds of a primary that fails and rests while mail goes over the backup.
func ExampleNewSlog() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{} // the same in every run
			}
			return a
		},
	}))
	observer := observe.NewSlog(logger) // router.Config{Observer: observer, ...} calls the rest

	observer.ObserveAttempt(context.Background(), observe.Attempt{
		Router: "router", MessageID: "<4711@shop.example>",
		Attempt: mailer.Attempt{
			Route: "primary", Provider: "smtp", Duration: 3 * time.Millisecond, Phase: mailer.PhaseConnect,
			Outcome: mailer.NotAccepted, Scope: mailer.ScopeProvider, Detail: "connection refused",
		},
	})
	observer.ObserveState(observe.State{Router: "router", Route: "primary", From: "closed", To: "open", Cause: "provider", Detail: "connection refused"})
	observer.ObserveDetour(observe.Detour{Router: "router", On: true, Route: "backup"})
	// Output:
	// level=INFO msg="mail attempt failed" router=router route=primary provider=smtp message_id=<4711@shop.example> outcome=not_accepted scope=provider phase=connect duration=3ms detail="connection refused"
	// level=WARN msg="mail route rests" router=router route=primary from=closed to=open cause=provider detail="connection refused"
	// level=WARN msg="mail detour begins" router=router route=backup
}
