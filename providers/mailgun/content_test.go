package mailgun_test

import (
	"errors"
	"io"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// changed says that it has so many bytes, and has others.
func changed(size int64, bytes string) mailer.Content {
	return mailer.Opener(size, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(bytes)), nil })
}

// failing fails after a byte.
func failing(size int64) mailer.Content {
	return mailer.Opener(size, func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("1"), errReader{})), nil
	})
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }
