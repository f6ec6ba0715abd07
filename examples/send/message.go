package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/mailkeel/mailkeel/mailer"
)

// message completes the message with what is read from files and standard input.
func (o *options) message(ctx context.Context, stdin io.Reader, out *output) (*mailer.Message, error) {
	if o.htmlFile != "" {
		html, err := os.ReadFile(o.htmlFile)
		if err != nil {
			return nil, fmt.Errorf("-html: %w", pathless(err))
		}
		o.msg.HTML = string(html)
	}
	if o.rawFile != "" || o.sendmail.on {
		return o.wholeMessage(ctx, stdin, out)
	}
	text, err := o.readInput(ctx, stdin, out, "text")
	if err != nil {
		return nil, err
	}
	o.msg.Text = text
	return &o.msg, nil
}

// readInput reads what, from standard input.
func (o *options) readInput(ctx context.Context, stdin io.Reader, out *output, what string) (string, error) {
	if isTerminal(stdin) {
		out.note("reading the " + what + " from standard input up to its end (Ctrl-D, on Windows Ctrl-Z and Enter)")
	}
	text, err := readAll(ctx, stdin)
	if err != nil {
		return "", fmt.Errorf("standard input: %w", err)
	}
	return text, nil
}

// readAll gives up when ctx ends. The read itself cannot be interrupted; it ends with the program.
func readAll(ctx context.Context, r io.Reader) (string, error) {
	var data []byte
	done := make(chan error, 1)
	go func() {
		var err error
		data, err = io.ReadAll(r)
		done <- err
	}()
	select {
	case err := <-done:
		return string(data), err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// isTerminal reports whether somebody may be waiting at a keyboard: r is a character
// device, other than the one that is always empty.
func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
