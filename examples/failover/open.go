package main

import (
	"context"
	"log/slog"

	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/observe"
	"github.com/mailkeel/mailkeel/providers"
)

// open opens what url names, and logs what happens in it. A single provider has no router, and
// so nothing to log, but what the answers say.
func open(ctx context.Context, url string, log *slog.Logger) (providers.Sender, error) {
	return providers.OpenWith(ctx, url, dsn.Options{Observer: observe.NewSlog(log)})
}
