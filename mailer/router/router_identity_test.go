package router_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A route with an address of its own sends as that, and answers still reach the author.
func TestRouteFrom(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a, b, third := scripted("a", down()), scripted("b", down()), healthy("c")
		m := start(t, router.Config{Routes: []router.Route{
			through(a),
			{Name: "b", Sender: b, From: mailer.Address{Name: "Relay", Address: "relay@b.example"}},
			through(third),
		}})
		msg := letter(1)
		m.must(t.Context(), msg)
		for _, c := range []struct {
			p             *provider
			from, replyTo string
		}{
			{a, `"Shop" <orders@shop.example>`, ""},
			{b, `"Shop" <relay@b.example>`, `"Shop" <orders@shop.example>`},
			{third, `"Shop" <orders@shop.example>`, ""},
		} {
			got := c.p.seen()[0].msg
			replyTo := ""
			for _, r := range got.ReplyTo {
				replyTo += r.String()
			}
			expect(t, "from of "+c.p.name, got.From.String(), c.from)
			expect(t, "reply-to of "+c.p.name, replyTo, c.replyTo)
			expect(t, "message id", got.MessageID, "<1@shop.example>")
			expect(t, "key", got.IdempotencyKey, "1@shop.example")
		}
		expect(t, "the message itself", msg.From.Address, "orders@shop.example")
	})
}

// The name of a route's own address is for messages that have none.
func TestRouteFromName(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := healthy("a")
		m := start(t, router.Config{Routes: []router.Route{
			{Name: "a", Sender: a, From: mailer.Address{Name: "Relay", Address: "relay@b.example"}},
		}})
		msg := letter(1)
		msg.From.Name = ""
		msg.ReplyTo = []mailer.Address{{Address: "help@shop.example"}}
		m.must(t.Context(), msg)
		got := a.seen()[0].msg
		expect(t, "from", got.From.String(), `"Relay" <relay@b.example>`)
		expect(t, "reply-to", got.ReplyTo[0].Address, "help@shop.example")
		expect(t, "number of them", len(got.ReplyTo), 1)
	})
}

// Which messages take a route that does not take all of them.
func TestPickyRoutes(t *testing.T) {
	own := mailer.Address{Address: "relay@b.example"}
	for _, c := range []struct {
		name     string
		route    router.Route
		from     string
		to       []string
		tags     []string
		takes    bool
		why      string
		notScope mailer.Scope
	}{
		{"its domain", router.Route{FromDomains: []string{"shop.example"}}, "a@shop.example", nil, nil, true, "", 0},
		{"in capitals", router.Route{FromDomains: []string{"Shop.Example"}}, "a@SHOP.example", nil, nil, true, "", 0},
		{"one of its domains", router.Route{FromDomains: []string{"x.example", "shop.example"}}, "a@shop.example", nil, nil, true, "", 0},
		{"a foreign domain", router.Route{FromDomains: []string{"shop.example"}}, "a@other.example", nil, nil, false, "foreign sender", mailer.ScopeSender},
		{"below its domain", router.Route{FromDomains: []string{"shop.example"}}, "a@mail.shop.example", nil, nil, false, "foreign sender", mailer.ScopeSender},
		{"below a wildcard", router.Route{FromDomains: []string{"*.shop.example"}}, "a@mail.shop.example", nil, nil, true, "", 0},
		{"far below a wildcard", router.Route{FromDomains: []string{"*.shop.example"}}, "a@eu.mail.shop.example", nil, nil, true, "", 0},
		{"beside a wildcard", router.Route{FromDomains: []string{"*.shop.example"}}, "a@shop.example", nil, nil, false, "foreign sender", mailer.ScopeSender},
		{"ends like a wildcard", router.Route{FromDomains: []string{"*.shop.example"}}, "a@xshop.example", nil, nil, false, "foreign sender", mailer.ScopeSender},
		{"its own address", router.Route{From: own, FromDomains: []string{"b.example"}}, "a@shop.example", nil, nil, true, "", 0},
		{"not its own address", router.Route{From: own, FromDomains: []string{"shop.example"}}, "a@shop.example", nil, nil, false, "foreign sender", mailer.ScopeSender},
		{"all recipients", router.Route{ToDomains: []string{"example.net", "*.org"}}, "", []string{ann, "x@a.org"}, nil, true, "", 0},
		{"not all recipients", router.Route{ToDomains: []string{"example.net"}}, "", []string{ann, "x@a.org"}, nil, false, "other recipients", mailer.ScopeMessage},
		{"its tag", router.Route{Tags: []string{"otp", "alert"}}, "", nil, []string{"eu", "otp"}, true, "", 0},
		{"no tag", router.Route{Tags: []string{"otp"}}, "", nil, nil, false, "other tags", mailer.ScopeMessage},
		{"another tag", router.Route{Tags: []string{"otp"}}, "", nil, []string{"eu"}, false, "other tags", mailer.ScopeMessage},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				a := healthy("a")
				c.route.Name, c.route.Sender = "a", a
				m := start(t, router.Config{Routes: []router.Route{c.route, through(healthy("b"))}})
				msg := letter(1, c.to...)
				msg.Tags = c.tags
				if c.from != "" {
					msg.From.Address = c.from
				}
				account := m.must(t.Context(), msg)
				if c.takes {
					expect(t, "trace", trace(account), "a done")
					return
				}
				expect(t, "trace", trace(account), "[a], b done")
				expect(t, "scope", account.Attempts[0].Scope, c.notScope)
				if why := account.Attempts[0].Skipped; !strings.Contains(why, c.why) {
					t.Errorf("passed over because %q", why)
				}
			})
		})
	}
}

// A sender that no route sends for is refused as that.
func TestForeignEverywhere(t *testing.T) {
	virtual(t, func(t *testing.T) {
		m := start(t, router.Config{Routes: []router.Route{{Name: "a", Sender: scripted("a"), FromDomains: []string{"other.example"}}}})
		_, e := m.send(t.Context(), letter(1))
		if !errors.Is(e, mailer.ErrSenderRefused) || e.Temporary || e.RetryAfter != 0 {
			t.Errorf("%v, temporary %v", e, e.Temporary)
		}
	})
}

// A sender is remembered as foreign by what it is on that route.
func TestForeignOfItsOwnAddress(t *testing.T) {
	virtual(t, func(t *testing.T) {
		a := scripted("a", refused(mailer.ScopeSender, elsewhere, 553))
		m := start(t, router.Config{Routes: []router.Route{
			{Name: "a", Sender: a, From: mailer.Address{Address: "relay@a.example"}}, through(healthy("b")),
		}})
		m.must(t.Context(), letter(1))
		msg := letter(2)
		msg.From.Address = "orders@other.example"
		expect(t, "trace", trace(m.must(t.Context(), msg)), "[a], b done")
	})
}
