package router

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// A Policy is the order in which a message is offered to the routes.
type Policy int

const (
	// Priority offers every message to the routes in the order of Config.Routes.
	Priority Policy = iota
	// RoundRobin begins with the next route for each message.
	RoundRobin
	// Weighted begins with a route at random, by its Weight.
	Weighted
)

// Config says which routes there are and how they are used. Only Routes is required.
// The zero value of everything else is the default that stands beside it; a
// negative duration turns off what it limits.
type Config struct {
	// Name is what observers call this router, and receipts of a router around it; empty
	// means "router".
	Name string
	// Routes are at least 1 and at most 64. The router owns their Senders and closes them.
	Routes []Route
	// Policy is the order in which they are tried.
	Policy Policy
	// Delivery is that of messages that leave it open; zero means [mailer.AtMostOnce].
	Delivery mailer.Delivery
	// MaxAttempts limits the attempts for one message, at all routes together. Zero means
	// 3. With 1 there is neither failover nor retry.
	MaxAttempts int
	// SplitRecipients lets a message with several recipients be sent in portions by routes
	// that show every recipient of a portion to the others and none besides, as most APIs do:
	// the rest of a message that was partly accepted, and messages with more recipients
	// than the route takes.
	SplitRecipients bool

	// CommitLimit is how long all attempts before the boundary may take together where ctx
	// has no deadline. Zero means 30 s.
	CommitLimit time.Duration
	// MinSlice is the time that is kept back for each further route while one is tried. Zero
	// means 3 s; negative lets the first use up all the time there is.
	MinSlice time.Duration
	// StartLimit is how long an attempt may take to get to the content before another
	// route is tried alongside. Where a route is known to take longer, three times of that
	// counts, up to twelve times StartLimit. Zero means 250 ms; negative: never alongside.
	StartLimit time.Duration
	// ReplyLimit is how long a route may leave a message unanswered before new messages
	// prefer others. Where it is known to take longer, three times of that counts, up to five
	// times ReplyLimit. Zero means 1 s; negative: never.
	ReplyLimit time.Duration
	// DoubtLimit is how long the answer to a message with [mailer.AtLeastOnce] is awaited before it is
	// sent again elsewhere. Zero means 10 s; negative: as long as there is time.
	DoubtLimit time.Duration
	// AskLimit is how long a provider may take to say what became of a message. Zero means
	// 5 s; negative: it is not asked.
	AskLimit time.Duration

	// RetryDelay is the longest wait before the first retry at the same provider; it doubles
	// with each, up to 20 s, and the wait itself is drawn evenly from zero up to it. What the provider
	// says in Retry-After is waited in any case. Zero means 200 ms; negative: no retries.
	RetryDelay time.Duration
	// Rest is how long a route rests after its provider failed, before it is looked at again;
	// it doubles with each failure of that, up to 5 min. Zero means 10 s. Where the
	// credentials or the set-up are wrong it is 30 s, up to 10 min, whatever Rest is.
	Rest time.Duration
	// CheckInterval is how often routes that do not rest are checked. Zero means never.
	CheckInterval time.Duration

	// Observer hears of attempts and changes; nil means nobody does.
	Observer observe.Observer
	// Rand returns the source of randomness for one message, by its IdempotencyKey, or for the
	// rests of one route, by its name. It is called from several goroutines. Nil means the
	// generator of math/rand/v2.
	Rand func(key string) rand.Source
}

// A Route is one way for messages to leave.
type Route struct {
	// Name is what receipts, errors and observers call it. Empty means the name that the
	// Sender has ([mailer.Named]), or its place, as in "route 2". No two are the same.
	Name   string
	Sender mailer.Sender
	// From is the author's address on this route, and its name where a message has
	// none; see [mailer.SendAs]. The zero Address leaves messages as they are.
	From mailer.Address
	// FromDomains are the domains that the provider sends for; a message from another one
	// passes this route over. "*.example.com" stands for all below example.com. None means
	// that it is not known. They are compared with From where that is set.
	FromDomains []string
	// ToDomains, when there are any, keep the route to messages of which all recipients are in them.
	ToDomains []string
	// Tags, when there are any, keep the route to messages that have one of them.
	Tags []string
	// Weight is the route's share under [Weighted]. Zero means 1; negative: only when no other is left.
	Weight int
	// MaxInFlight limits the messages under way on this route; further ones wait for their turn,
	// or for another route. Zero leaves that to the Sender: the adapters limit their connections.
	MaxInFlight int
}

const maxRoutes = 64

func (c Config) withDefaults() (Config, error) {
	switch {
	case len(c.Routes) == 0:
		return c, errors.New("router: Routes is empty")
	case len(c.Routes) > maxRoutes:
		return c, fmt.Errorf("router: Routes has more than %d", maxRoutes)
	case c.Policy < Priority || c.Policy > Weighted:
		return c, errors.New("router: Policy is not one of the named values")
	case c.Delivery < mailer.DeliveryDefault || c.Delivery > mailer.AtLeastOnce:
		return c, errors.New("router: Delivery is not one of the named values")
	case c.MaxAttempts < 0:
		return c, errors.New("router: MaxAttempts is negative")
	case c.Rest < 0:
		return c, errors.New("router: Rest is negative")
	}
	c.Name = cmp.Or(c.Name, kind)
	c.Delivery = cmp.Or(c.Delivery, mailer.AtMostOnce)
	c.MaxAttempts = cmp.Or(c.MaxAttempts, 3)
	c.Rest = cmp.Or(c.Rest, 10*time.Second)
	for _, d := range []struct {
		field    *time.Duration
		fallback time.Duration
	}{
		{&c.CommitLimit, 30 * time.Second}, {&c.MinSlice, 3 * time.Second}, {&c.StartLimit, 250 * time.Millisecond},
		{&c.ReplyLimit, time.Second}, {&c.DoubtLimit, 10 * time.Second}, {&c.AskLimit, 5 * time.Second},
		{&c.RetryDelay, 200 * time.Millisecond}, {&c.CheckInterval, 0},
	} {
		*d.field = max(0, cmp.Or(*d.field, d.fallback)) // from here on, zero is what turns it off
	}
	c.Routes = slices.Clone(c.Routes)
	for i := range c.Routes {
		if err := c.Routes[i].check(); err != nil {
			return c, fmt.Errorf("router: Routes[%d]: %w", i, err)
		}
	}
	return c, nil
}

func (rt *Route) check() error {
	if rt.Sender == nil {
		return errors.New("Sender is nil")
	}
	if rt.From != (mailer.Address{}) {
		from, err := checkAddress(rt.From)
		if err != nil {
			return fmt.Errorf("From is not an address: %w", err)
		}
		rt.From = from
	}
	var err error
	if rt.FromDomains, err = checkDomains(rt.FromDomains); err != nil {
		return fmt.Errorf("FromDomains: %w", err)
	}
	if rt.ToDomains, err = checkDomains(rt.ToDomains); err != nil {
		return fmt.Errorf("ToDomains: %w", err)
	}
	return nil
}

// checkAddress returns a as a prepared message has it, with which it will be compared.
func checkAddress(a mailer.Address) (mailer.Address, error) {
	m, err := mailer.Prepare(&mailer.Message{From: a, To: []mailer.Address{a}})
	if err != nil {
		return a, mailer.AsSendError(err).Err
	}
	return m.From, nil
}

// checkDomains returns them in lower case and in their ASCII form.
func checkDomains(domains []string) ([]string, error) {
	checked := make([]string, len(domains))
	for i, d := range domains {
		name, below := strings.CutPrefix(d, "*.")
		a, err := checkAddress(mailer.Address{Address: "postmaster@" + name})
		if err != nil {
			return nil, fmt.Errorf("%q is not a domain", d)
		}
		if checked[i] = domainOf(a.Address); below {
			checked[i] = "*." + checked[i]
		}
	}
	return checked, nil
}

// checkNames makes sure that a name in a receipt says which route it was.
func (r *Router) checkNames() error {
	seen := map[string]bool{}
	for _, rt := range r.routes {
		if seen[rt.Name] {
			return fmt.Errorf("router: two routes are called %q", rt.Name)
		}
		seen[rt.Name] = true
	}
	return nil
}
