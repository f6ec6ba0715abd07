// Netsmtp shows what one changed line does to a program that calls smtp.SendMail: before/app and
// after/app are the same but for an import. Both send through embedded servers that behave
// as real ones now and then do, and what each of them says stands beside what the server took.
//
// With MAILER_URL, MAILER_FROM and MAILER_TO set, the program after the change sends one message through
// that instead, by netsmtp.SetSender:
//
//	MAILER_URL='sendgrid://KEY@default' MAILER_FROM=a@example.com MAILER_TO=b@example.com go run ./examples/netsmtp
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	after "github.com/mailkeel/mailkeel/examples/netsmtp/after/app"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
	"github.com/mailkeel/mailkeel/providers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Getenv)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "netsmtp:", err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, w io.Writer, getenv func(string) string) error {
	if url := getenv("MAILER_URL"); url != "" {
		return sendThrough(ctx, w, url, getenv("MAILER_FROM"), getenv("MAILER_TO"))
	}
	return compare(ctx, w)
}

// closeTimeout limits the goodbye to a provider.
const closeTimeout = 5 * time.Second

// sendThrough sends by way of the connection string url. What the program says about its
// server is ignored.
func sendThrough(ctx context.Context, w io.Writer, url, from, to string) error {
	if from == "" || to == "" {
		return errors.New("with MAILER_URL, MAILER_FROM and MAILER_TO are needed")
	}
	sender, err := providers.Open(ctx, url)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = sender.Close(ctx)
	}()
	netsmtp.SetSender(sender)
	defer netsmtp.SetSender(nil)
	if err := after.Send("localhost:25", from, to); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, "accepted")
	return err
}
