// Package dsn opens a [mailer.Sender] from a connection string:
//
//	scheme://user:password@host:port?name=value&name=value
//
// A [Mux] holds the schemes that a program understands, as its adapters export them:
//
//	mux := dsn.Mux{smtp.Schemes}
//	sender, err := mux.Open(ctx, os.Getenv("MAILER_URL"))
//
// # Writing one
//
// User information ends at the last @ before the first ?, and its first : ends the
// user. Only %XX is decoded; + / = and | stand for themselves. Written with % are: a
// space, ( and ) everywhere (%20, %28, %29), a ? in user information (%3F), & and #
// in parameters (%26, %23), and % itself (%25). [Escape] writes any value so. An IPv6
// address stands in brackets. The host "default" is the provider's own.
//
// # Parameters of every scheme
//
//   - timeout=5s: limit for what comes before the content: connecting, TLS, and with SMTP
//     AUTH and the envelope; a Go duration.
//   - name=primary: what receipts call the route.
//   - ca_file=PATH: PEM certificates to trust instead of the system's.
//   - from=ADDRESS: the sender address on this route; see [Mux.Open].
//   - strict=true: a message that asks for an advisory feature the provider lacks is refused.
//
// # References
//
// ${NAME} stands for an environment variable and ${file:PATH} for a file's content
// without line ends at its end. Either may take the place of the whole string or of
// any whole value: user, password, host, port, a parameter's value. It is resolved
// after splitting and taken as it is, so a secret needs no escaping and cannot add
// parameters. What stands for the whole string may hold references in turn. A file
// that holds a credential is read again when it changes; any other once, by Open.
//
// # Errors
//
// An error of this package is one line that begins with "connection string: ". Of the
// string it repeats only the scheme, an environment variable's name, the path in
// ${file:PATH}, and a parameter's name where that cannot be part of a password whose
// @ or ? was not escaped.
package dsn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Scheme is one connection-string scheme that an adapter offers.
type Scheme struct {
	// Name is what stands before "://": lower-case letters, digits, + . and -, at most
	// 32 of them, a letter first.
	Name string
	// Form is an example that errors show, such as "smtp://user:pass@host:587".
	Form string
	// Params are the names of its own parameters, besides those of every scheme:
	// lower-case letters, digits and _.
	Params []string
	// Open makes the Sender. Its error needs no prefix, and it need not look for
	// malformed parameters: [Mux.Open] reports those whatever Open returned. It may
	// keep u's secret sources, but not u.
	Open func(ctx context.Context, u *URL) (mailer.Sender, error)
	// Rewrite turns a foreign form of connection string, such as the one that a
	// provider's portal shows, into one of this scheme, and reports whether s had that
	// form. Nil means that there is none.
	Rewrite func(s string) (own string, ok bool)
}

// Schemes is what an adapter exports.
type Schemes []Scheme

// A Mux is the set of schemes that a program understands. Of two with the same name
// the first counts. A Mux may be used concurrently as long as nobody changes it.
type Mux []Schemes

// Open returns the Sender that s describes. With the parameter "from" it is wrapped:
// a copy of each message is sent from that address, under the message's display name
// or else the parameter's. The author's own address becomes the ReplyTo of a message
// that has none and is not Raw.
func (m Mux) Open(ctx context.Context, s string) (mailer.Sender, error) {
	sender, err := m.open(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("connection string: %w", err)
	}
	return sender, nil
}

func (m Mux) open(ctx context.Context, s string) (mailer.Sender, error) {
	if s == "" {
		return nil, m.emptyError()
	}
	s, err := resolveWhole(ctx, s)
	if err != nil {
		return nil, err
	}
	s = m.rewrite(s)
	if strings.ContainsFunc(s, unicode.IsControl) {
		return nil, errors.New("has a line end or another control character, which inside a value is written as %XX")
	}
	name, rest := cutScheme(s)
	scheme, err := m.lookup(name)
	if err != nil {
		return nil, err
	}
	p := split(rest)
	sender, err := scheme.open(ctx, p)
	if err != nil && p.lateAt() {
		err = fmt.Errorf("%w; a ? in a password is written %%3F", err)
	}
	return sender, err
}

func (m Mux) rewrite(s string) string {
	for _, schemes := range m {
		for i := range schemes {
			if rewrite := schemes[i].Rewrite; rewrite != nil {
				if own, ok := rewrite(s); ok {
					return own
				}
			}
		}
	}
	return s
}

func (m Mux) lookup(name string) (*Scheme, error) {
	for _, schemes := range m {
		for i := range schemes {
			if name != "" && schemes[i].Name == name {
				return &schemes[i], nil
			}
		}
	}
	return nil, m.schemeError(name)
}

func (s *Scheme) open(ctx context.Context, p parts) (mailer.Sender, error) {
	u, err := s.newURL(ctx, p)
	if err != nil {
		return nil, err
	}
	from := u.params.sender("from")
	if err := u.params.Err(); err != nil {
		return nil, err
	}
	sender, err := s.Open(ctx, u)
	if bad := u.params.Err(); bad != nil {
		// The adapter went on with a default. What it made, or its complaint, is moot.
		discard(ctx, sender)
		return nil, bad
	}
	if err != nil || from == nil {
		return sender, err
	}
	return withFrom(sender, *from), nil
}

func discard(ctx context.Context, sender mailer.Sender) {
	if c, ok := mailer.Find[mailer.Closer](sender); ok {
		_ = c.Close(ctx)
	}
}
