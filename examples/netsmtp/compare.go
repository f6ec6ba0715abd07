package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"text/tabwriter"
	"time"

	after "github.com/mailkeel/mailkeel/examples/netsmtp/after/app"
	before "github.com/mailkeel/mailkeel/examples/netsmtp/before/app"
	"github.com/mailkeel/mailkeel/internal/smtpfake"
)

// A habit is how a server behaves.
type habit struct {
	name string
	hook smtpfake.Hook
}

var habits = []habit{
	{"does what it should", nil},
	{"takes the message and hangs up", smtpfake.On(smtpfake.QUIT, smtpfake.Action{Silent: true, Then: smtpfake.FIN})},
	{"takes the message and falls silent", smtpfake.On(smtpfake.QUIT, smtpfake.Action{Silent: true, Then: smtpfake.Hang})},
	{"takes the message and says nothing of it", smtpfake.On(smtpfake.Content, smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.FIN})},
	{"does not know EHLO, so offers no AUTH", smtpfake.On(smtpfake.EHLO, smtpfake.Action{Reply: "502 what?"})},
	{"refuses the recipient", smtpfake.On(smtpfake.RCPT, smtpfake.Action{Reply: "550 5.1.1 no such user"})},
}

// patience is how long a send is waited for here. net/smtp waits as long as the server likes.
const patience = 4 * time.Second

// compare lets the program before and after the change meet every habit.
func compare(ctx context.Context, w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, h := range habits {
		_, _ = fmt.Fprintf(table, "a server that %s\n", h.name) // Flush repeats errors
		for _, p := range []struct {
			name string
			send func(addr, from, to string) error
		}{{"net/smtp", before.Send}, {"netsmtp", after.Send}} {
			said, taken, err := h.meet(ctx, p.send)
			if err != nil {
				return err
			}
			_, _ = fmt.Fprintf(table, "  %s says\t%s\tthe server has it: %s\n", p.name, said, map[bool]string{true: "yes", false: "no"}[taken])
		}
	}
	return table.Flush()
}

var errPatience = errors.New("(no end after 4 s)")

// meet runs send against a server of the habit.
func (h *habit) meet(ctx context.Context, send func(addr, from, to string) error) (said string, taken bool, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", false, err
	}
	server := smtpfake.New(smtpfake.Config{Users: map[string]string{"app": "correct horse"}, Hook: h.hook})
	defer server.Close()
	go func() { _ = server.Serve(l) }() // until Close

	ctx, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- send(l.Addr().String(), "shop@example.com", "bob@example.net") }() // until Close, at the latest
	select {
	case err = <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if said = "accepted"; err != nil {
		said = err.Error()
	}
	return said, len(server.Messages()) > 0, nil
}
