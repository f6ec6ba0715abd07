// Quickstart sends messages with HTML, an inline image and an attachment, and shows what
// became of them.
//
// Without further ado it starts three providers of its own on this machine: the API of Azure
// Communication Services, SendGrid's as the backup, and a mail server that speaks SMTP with
// STARTTLS and a login as the last resort. It sends through the three as one
// while they fail and come back, and shows the verdicts beside the truth that only the
// servers know. With MAILER_URL, MAILER_FROM and MAILER_TO set, it sends one message through the
// providers that they name.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers"
)

// sendTimeout limits one send; a library user passes whatever context is at hand.
const sendTimeout = 30 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Getenv)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, getenv func(string) string) error {
	if url := getenv("MAILER_URL"); url != "" {
		return sendForReal(ctx, w, url, getenv("MAILER_FROM"), getenv("MAILER_TO"))
	}
	return tellStory(ctx, w)
}

// sendForReal sends through the provider that url names.
func sendForReal(ctx context.Context, w io.Writer, url, from, to string) error {
	author, err := mailer.Addresses(from)
	if err != nil || len(author) != 1 {
		return errors.New("MAILER_URL is set, so MAILER_FROM has to be the address to send from")
	}
	recipients, err := mailer.Addresses(to)
	if err != nil {
		return errors.New("MAILER_URL is set, so MAILER_TO has to be the address to send to")
	}
	sender, err := providers.Open(ctx, url)
	if err != nil {
		return err
	}
	defer closeSender(ctx, sender)
	_, _ = fmt.Fprintf(w, "A message through %s\n", dsn.Redact(url))
	return send(ctx, w, sender, newMessage(author[0], recipients...))
}

// send sends msg and prints the account of it.
func send(ctx context.Context, w io.Writer, sender mailer.Sender, msg *mailer.Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	receipt, err := sender.Send(ctx, msg)
	if err != nil {
		receipt = mailer.AsSendError(err).Receipt
	}
	printReceipt(w, receipt)
	return err
}

func closeSender(ctx context.Context, sender mailer.Closer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = sender.Close(ctx)
}
