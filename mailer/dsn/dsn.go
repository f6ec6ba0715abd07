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
//   - from=ADDRESS: the sender address on this route; see [mailer.SendAs].
//   - strict=true: a message that asks for an advisory feature the provider lacks is refused.
//
// # Several providers
//
// A composite describes a [router.Router] over other strings, its members:
//
//	failover(A B C)       messages begin with A, and go on to B and C where need be
//	roundrobin(A B)       messages begin with A and B in turn
//	weighted(3*A 1*B)     three of four messages begin with A; without N* it is 1*
//
// White space separates members, line ends included, and may surround any string. A
// member is any connection string, another composite among them: up to 8 deep, and 64
// providers in all. Besides its own parameters it takes these:
//
//   - from_domains=example.com,*.example.com: the domains that its provider sends for. They are
//     compared with the address in from=, where there is one, else with the message's.
//   - to_domains=example.org: only for messages of which all recipients are there.
//   - tags=receipts,alerts: only for messages that have one of these tags.
//   - max_in_flight=8: messages under way at once; others wait, or take another route.
//
// Of members around the same ) no two may have the same name. Without name= it is the
// adapter's default, in most cases the host, and of a composite its place, such as "route 2".
//
// Options of a composite stand after its ), as in failover(A B)?delivery=at-least-once.
// What they do in detail, [router.Config] says; "off" turns off what it stands for.
//
//   - delivery=at-most-once or at-least-once: for messages that leave it open. The default is
//     that of the composite around it, and of the outermost at-most-once.
//   - max_attempts=3: for one message, at all members together; split_recipients=true.
//   - commit_limit=30s, min_slice=3s, start_limit=250ms, reply_limit=1s, doubt_limit=10s,
//     ask_limit=5s, retry_delay=200ms, check_interval=off: a duration, or off.
//   - rest=10s: a duration.
//   - name=router: what observers call it.
//
// A composite that is a member takes both kinds, and from=. What belongs to the
// conversation with one provider (timeout=, ca_file=, strict=) stands with each member.
//
// # References
//
// ${NAME} stands for an environment variable and ${file:PATH} for a file's content
// without line ends at its end. Either may take the place of the whole string, of a
// whole member, or of any whole value: user, password, host, port, a parameter's value.
// It is resolved after splitting and taken as it is, so a secret needs no escaping and
// cannot add parameters. What stands for the whole string or for a member may be a
// composite, and hold references in turn. A file that holds a credential is read again
// when it changes; any other once, by Open.
//
// # Errors
//
// An error of this package is one line that begins with "connection string: ", and says
// in which member it arose. Of the string it repeats only the scheme, an environment
// variable's name, the path in ${file:PATH}, and a parameter's name where that cannot be
// part of a password whose @ or ? was not escaped. In a composite that goes for every
// password but one with a space, not escaped, before what looks like another member.
package dsn

import (
	"context"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Scheme is one connection-string scheme that an adapter offers.
type Scheme struct {
	// Name is what stands before "://": lower-case letters, digits, + . and -, at most
	// 32 of them, a letter first.
	Name string
	// Form is an example that errors show, such as "smtp://user:pass@host:587".
	Form string
	// Params are the names of its own parameters, besides those of every scheme and of
	// every member: lower-case letters, digits and _.
	Params []string
	// Open makes the Sender. Its error needs no prefix, and it need not look for
	// malformed parameters: [Mux.Open] reports those whatever Open returned. It may
	// keep u's secret sources, but not u.
	Open func(ctx context.Context, u *URL) (mailer.Sender, error)
	// Rewrite turns a foreign form of connection string, such as the one that a
	// provider's portal shows, into one of this scheme, and reports whether s had that
	// form. White space and parentheses would keep it from being a member of a composite.
	// Nil means that there is none.
	Rewrite func(s string) (own string, ok bool)
}

// Schemes is what an adapter exports.
type Schemes []Scheme

// A Mux is the set of schemes that a program understands. Of two with the same name
// the first counts. A Mux may be used concurrently as long as nobody changes it.
type Mux []Schemes

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
