package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers"
)

var (
	ann = mailer.Address{Name: "Ann Müller", Address: "ann@example.com"}
	bob = mailer.Address{Name: "Bob", Address: "bob@example.org"}
	eve = mailer.Address{Address: "eve@example.org"}
	lee = mailer.Address{Address: "lee@example.org"}
)

// sendToSelf sends through a server that it starts, and so can show both sides.
func sendToSelf(ctx context.Context, w io.Writer) error {
	server, err := startServer()
	if err != nil {
		return err
	}
	defer server.close()
	sender, err := providers.Open(ctx, server.url)
	if err != nil {
		return err
	}
	defer closeSender(ctx, sender)

	_, _ = fmt.Fprintf(w, "1. A message through a server on this machine: %s\n", dsn.Redact(server.url))
	msg := newMessage(ann, bob)
	if err := send(ctx, w, sender, msg); err != nil {
		return err
	}
	_, _ = fmt.Fprint(w, "\n2. What the recipient reads\n")
	if err := printMessage(w, server.Messages()[0].Data, msg.Attachments); err != nil {
		return err
	}
	return showVerdicts(ctx, w, server, sender)
}

// A scene is a send that goes wrong in one way, and the sentinel of its verdict.
type scene struct {
	title string
	to    []mailer.Address
	want  error
}

var scenes = []scene{
	{
		title: "One recipient of two is refused: the other one has the message",
		to:    []mailer.Address{eve, {Address: unknownRecipient}}, want: mailer.ErrPartlyAccepted,
	},
	{
		title: "The server takes the message, and its reply is lost: sent again, it might arrive twice",
		to:    []mailer.Address{{Address: unluckyRecipient}}, want: mailer.ErrUnknownOutcome,
	},
	{
		title: "The server is gone: nobody has the message, and it may be sent elsewhere",
		to:    []mailer.Address{lee}, want: mailer.ErrUnavailable,
	},
}

// showVerdicts plays the scenes; before the last one the server goes away.
func showVerdicts(ctx context.Context, w io.Writer, server *server, sender mailer.Sender) error {
	for i, s := range scenes {
		_, _ = fmt.Fprintf(w, "\n%d. %s\n", i+3, s.title)
		if i == len(scenes)-1 {
			server.Close()
		}
		err := send(ctx, w, sender, newMessage(ann, s.to...))
		switch {
		case err == nil:
			return fmt.Errorf("%s: no error", s.title)
		case !errors.Is(err, s.want):
			return fmt.Errorf("%s: %w", s.title, err)
		}
		_, _ = fmt.Fprintf(w, "   error      %v\n", err)
		printTruth(w, server, s.to)
	}
	return nil
}

// printTruth shows what only the server knows.
func printTruth(w io.Writer, server *server, recipients []mailer.Address) {
	for _, r := range recipients {
		has := "no message"
		if server.has(r.Address) {
			has = "the message"
		}
		_, _ = fmt.Fprintf(w, "   in truth   the server has %s for %s\n", has, r.Address)
	}
}
