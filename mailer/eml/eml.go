// Package eml writes a message as the bytes of RFC 5322 and MIME, and reads such bytes into a message.
//
// [Render] lays a message out once: it writes the header and the small texts, chooses the
// encodings and computes the exact size. The [Body] it returns gives the bytes as often as they are
// asked for, always the same ones, and reads attachments from their sources while it does, so that a
// send holds some tens of kilobytes however large the message is. [Parse] is the way back, for messages that other
// programs have written: it keeps what a [mailer.Message] can say, and refuses what it cannot.
//
// # Guarantees
//
// Whatever the message holds, the bytes consist of lines that end in CRLF, the last one too, none of
// which is longer than 998 octets (RFC 5322 section 2.1.1); no CR or LF stands alone and there is no
// NUL. They are seven-bit unless [Options.EightBit] is set or an address has a local part outside
// ASCII. A source that fails, or that no longer has the size it was prepared with, ends the bytes
// before the last of its octets, with [ErrSource].
//
// Render is the last gate: what [mailer.Prepare] refuses in a header, an address or a name, such as a
// line break, is refused here again, should a prepared message have been changed since.
package eml

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/mailer"
)

// Options are what the transport can carry. The zero value is what every transport can.
type Options struct {
	// EightBit lets text stand as it is, unencoded: the transport has 8BITMIME (RFC 6152) or is an
	// HTTP API. Otherwise all is encoded to seven bits, but for addresses with a local part outside
	// ASCII, which have no such form; see [Body.UTF8].
	EightBit bool
}

// ErrSource is wrapped by the error of a read that failed because of a [mailer.Content]: it could not
// be opened or read, or did not give the bytes it had when it was prepared. What was read until then
// is not a message; the transport must be cut, not ended.
var ErrSource = errors.New("content cannot be read as it was prepared")

// Render lays msg out. It prepares msg if that has not been done; contents that can be read only once
// or have no known size must have been spooled ([mailer.Spool]). A prepared message gives the same
// bytes whenever it is rendered with the same options.
//
// Errors wrap [mailer.ErrInvalidMessage], for a raw message also [mailer.ErrUnsupported] when it has
// octets that need Options.EightBit or a line longer than 998 octets, or [ErrSource]. They name the field and
// never repeat its content.
func Render(msg *mailer.Message, o Options) (*Body, error) {
	m, err := mailer.Prepare(msg)
	if err != nil {
		return nil, err
	}
	if !m.Raw.IsZero() {
		return renderRaw(m.Raw, o)
	}
	w := newWriter(o)
	defer w.release()
	if err := w.message(m); err != nil {
		return nil, fmt.Errorf("eml: %w: %w", mailer.ErrInvalidMessage, err)
	}
	return w.body(), nil
}

// fieldError is an error about one field of the message; the rest of the sentence is in the cause.
func fieldError(field string, err error) error { return fmt.Errorf("%s %w", field, err) }

func itemError(field string, i int, err error) error {
	return fieldError(field+"["+strconv.Itoa(i)+"]", err)
}

// sourceError says which content failed. Where files lie is nobody's business who reads it.
func sourceError(label string, err error) error {
	if err = exact.Pathless(err); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // nobody shall take it for the end of the message
	}
	return fmt.Errorf("eml: %w: %s: %w", ErrSource, label, err)
}
