// Package apimail is what adapters of HTTP APIs share about making a request of a message.
package apimail

import (
	"errors"
	"fmt"

	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// Unsupported is about what a provider cannot carry, and another one may.
func Unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", mailer.ErrUnsupported, fmt.Sprintf(format, args...))
}

// SourceError is about a content that nobody can read. Where it lies is nobody's business who
// reads the error.
func SourceError(err error) error {
	return fmt.Errorf("%w: %w", httpapi.ErrSource, exact.Pathless(err))
}

// CheckSize refuses what is larger than most bytes, before any of it is read: bodies and
// alternatives as they are, attachments in base64. What is around them is not counted.
func CheckSize(m *mailer.Message, most int64) error {
	total := int64(len(m.Text)) + int64(len(m.HTML))
	for i := range m.Alternatives {
		size, err := SizeOf(m.Alternatives[i].Content, most)
		if err != nil {
			return fmt.Errorf("%w (Alternatives[%d])", err, i)
		}
		total += size
	}
	for i := range m.Attachments {
		size, err := SizeOf(m.Attachments[i].Content, most)
		if err != nil {
			return fmt.Errorf("%w (Attachments[%d])", err, i)
		}
		total += (size + 2) / 3 * 4 // RFC 4648 section 4
	}
	if total > most {
		return Unsupported("contents of %d bytes, more than %d", total, most)
	}
	return nil
}

// SizeOf returns a size of at most most, of which many can be added up.
func SizeOf(c mailer.Content, most int64) (int64, error) {
	size, err := c.Size()
	switch {
	case err != nil:
		return 0, SourceError(err)
	case size < 0:
		return 0, SourceError(errors.New("it is of unknown size"))
	case size > most:
		return 0, Unsupported("a content of %d bytes, more than %d", size, most)
	}
	return size, nil
}
