// Failover is a web service that sends mail through a primary and a backup, and answers
// its clients by the verdict about each message.
//
//	go run ./examples/failover
//
// starts both providers on this machine. Then, in another terminal:
//
//	curl -i -d to=ann@example.org localhost:8080/reset
//	curl -i -d to=ann@example.org -d order=4711 localhost:8080/order
//	curl -i localhost:8080/healthz     # the routes, for a monitor
//	curl -i localhost:8080/doubts      # messages of which nobody knows whether they were sent
//	curl -i --data-urlencode 'message_id=<...>' -d arrived=no localhost:8080/doubts    # somebody found out
//	curl -i -X POST localhost:8080/primary/down    # or lost (its replies are), or up
//
// The last one is there without MAILER_URL only. With it, mail goes through real providers:
//
//	export MAILER_URL='failover(smtp://user:password@smtp.example.com:587 sendgrid://KEY@default)'
//	export MAILER_FROM='The Shop <shop@example.com>' LISTEN=:8080
//	go run ./examples/failover
//
// Interrupt, or SIGTERM, ends it: no request is taken any more, mail under way is waited for,
// and what is still in doubt is logged.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/mailkeel/mailkeel/mailer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal does not wait for anything
	err := run(ctx, os.Getenv, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "failover:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, logs io.Writer) error {
	log := slog.New(slog.NewTextHandler(logs, nil))
	s := &service{log: log, limits: usualLimits(), from: mailer.Address{Name: "The Shop", Address: "shop@example.com"}}
	mux := http.NewServeMux()
	url := getenv("MAILER_URL")
	if url == "" {
		d, err := startDemo()
		if err != nil {
			return err
		}
		defer d.close()
		mux.HandleFunc("POST /primary/{state}", d.setPrimary)
		url = d.url()
	} else if err := s.setFrom(getenv("MAILER_FROM")); err != nil {
		return err
	}
	sender, err := open(ctx, url, log)
	if err != nil {
		return err
	}
	s.sender = sender
	s.routes(mux)
	return listen(ctx, cmp.Or(getenv("LISTEN"), "localhost:8080"), mux, s)
}

// listen serves until ctx ends.
func listen(ctx context.Context, address string, h http.Handler, s *service) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return errors.Join(err, s.close(ctx))
	}
	s.log.Info("listening", "address", l.Addr().String())
	return serve(ctx, l, h, s)
}

func (s *service) setFrom(value string) error {
	list, err := mailer.Addresses(value)
	if err != nil || len(list) != 1 {
		return errors.New("MAILER_URL is set, so MAILER_FROM has to be the address to send from")
	}
	s.from = list[0]
	return nil
}
