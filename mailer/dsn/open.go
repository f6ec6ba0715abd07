package dsn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// Options are what a string cannot say to the routers that it describes. All of them, nested
// ones too, get the same. A string without a composite describes no router: to have an
// Observer hear of a single provider, write failover(...) around it.
type Options struct {
	// Observer hears of attempts and changes; nil means nobody does.
	Observer observe.Observer
	// Rand is that of [router.Config].
	Rand func(key string) rand.Source
}

// Open returns the Sender that s describes: what the scheme opened, or a
// [*router.Router] of a composite, whose Close closes all members. With the parameter
// "from" a single one is wrapped: a copy of each message is sent from that address, as
// [mailer.SendAs] makes it.
func (m Mux) Open(ctx context.Context, s string) (mailer.Sender, error) {
	return m.OpenWith(ctx, s, Options{})
}

// OpenWith is [Mux.Open] with options for the routers that s describes.
func (m Mux) OpenWith(ctx context.Context, s string, options Options) (mailer.Sender, error) {
	route, err := (&opener{mux: m, options: options}).open(ctx, s, place{})
	if err != nil {
		return nil, fmt.Errorf("connection string: %w", err)
	}
	if route.From.Address != "" {
		return withFrom(route.Sender, route.From), nil
	}
	return route.Sender, nil
}

// An opener opens one connection string and all that it leads to.
type opener struct {
	mux     Mux
	options Options
	opened  int // providers' own strings
}

// A place is where in the whole a string stands.
type place struct {
	member   int             // counted from 1; zero is the whole string
	depth    int             // the number of composites around it
	delivery mailer.Delivery // that of the composite around it
}

// open returns the route that s describes. Its Weight is the caller's to set.
func (o *opener) open(ctx context.Context, s string, at place) (router.Route, error) {
	if s = strings.Trim(s, whiteSpace); s == "" {
		return router.Route{}, o.mux.emptyError()
	}
	s, err := resolveWhole(ctx, s)
	if err != nil {
		return router.Route{}, err
	}
	n, err := o.mux.parse(s, at.depth)
	if err != nil {
		return router.Route{}, err
	}
	return o.openNode(ctx, n, at)
}

func (o *opener) openNode(ctx context.Context, n node, at place) (router.Route, error) {
	if n.isComposite() {
		return o.openComposite(ctx, n, at)
	}
	return o.openOne(ctx, n.text.raw, at)
}

// openOne opens a provider's own string.
func (o *opener) openOne(ctx context.Context, s string, at place) (router.Route, error) {
	if o.opened++; o.opened > maxMembers {
		return router.Route{}, errCount
	}
	s = o.mux.rewrite(s)
	switch {
	case strings.HasPrefix(s, `"`), strings.HasPrefix(s, "'"):
		return router.Route{}, errors.New("begins with a quotation mark: leave the quotes out, which are for a shell")
	case strings.ContainsFunc(s, unicode.IsControl):
		return router.Route{}, errors.New("has a line end or another control character, which inside a value is written as %XX")
	}
	name, rest := cutScheme(s)
	scheme, err := o.mux.lookup(name)
	if err != nil {
		return router.Route{}, err
	}
	p := split(rest)
	route, err := scheme.open(ctx, p, at)
	if err != nil && p.lateAt() {
		err = fmt.Errorf("%w; a ? in a password is written %%3F", err)
	}
	return route, err
}

func (s *Scheme) open(ctx context.Context, p parts, at place) (router.Route, error) {
	u, err := s.newURL(ctx, p, at)
	if err != nil {
		return router.Route{}, err
	}
	route := u.params.readRoute()
	if err := u.params.Err(); err != nil {
		return router.Route{}, err
	}
	route.Sender, err = s.Open(ctx, u)
	if bad := u.params.Err(); bad != nil {
		// The adapter went on with a default. What it made, or its complaint, is moot.
		discard(ctx, route.Sender)
		return router.Route{}, bad
	}
	return route, err
}

func discard(ctx context.Context, sender mailer.Sender) {
	if c, ok := mailer.Find[mailer.Closer](sender); ok {
		_ = c.Close(ctx)
	}
}
