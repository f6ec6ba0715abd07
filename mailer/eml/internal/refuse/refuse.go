// Package refuse makes the errors of reading a message: what is wrong with it, and what is right
// but has no place in a [mailer.Message].
package refuse

import (
	"fmt"

	"github.com/mailkeel/mailkeel/mailer"
)

// Invalid is an error about what RFC 5322 or MIME does not allow; it wraps [mailer.ErrInvalidMessage].
func Invalid(format string, args ...any) error { return wrap(mailer.ErrInvalidMessage, format, args) }

// Unsupported is an error about what a Message cannot say; it wraps [mailer.ErrUnsupported].
func Unsupported(format string, args ...any) error { return wrap(mailer.ErrUnsupported, format, args) }

func wrap(kind error, format string, args []any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

// Of says where err was found: place is a field or a part.
func Of(place string, err error) error {
	if r, ok := err.(*refusal); ok { //nolint:errorlint // only what this package made, and nothing around it
		return &refusal{r.kind, place + " " + r.reason}
	}
	return fmt.Errorf("%s: %w", place, err)
}

// A refusal keeps its kind apart from its reason, so that places can be put before the reason.
type refusal struct {
	kind   error
	reason string
}

func (r *refusal) Error() string { return r.kind.Error() + ": " + r.reason }
func (r *refusal) Unwrap() error { return r.kind }
