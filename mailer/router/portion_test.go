package router

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// TestPortionKey: a portion has one key, whoever sends it, and no other portion has it.
func TestPortionKey(t *testing.T) {
	const a, b, c = "a@x.example", "b@x.example", "c@x.example"
	keys := map[string]string{}
	for name, key := range map[string]string{
		"a": portionKey("key", []string{a}), "b": portionKey("key", []string{b}), "a and b": portionKey("key", []string{a, b}),
		"b and c": portionKey("key", []string{b, c}), "a of another": portionKey("kez", []string{a}),
		"nobody": portionKey("key", nil), "run together": portionKey("key", []string{a + b}), "run into the key": portionKey("key"+a, nil),
	} {
		if other, found := keys[key]; found {
			t.Errorf("%q and %q have the same key %s", name, other, key)
		}
		keys[key] = name
		if !strings.HasPrefix(key, "ke") || key == "key" {
			t.Errorf("%q has the key %q", name, key)
		}
	}
	if first, again := portionKey("key", []string{a, b}), portionKey("key", []string{a, b}); first != again {
		t.Errorf("the same portion has the keys %q and %q", first, again)
	}
}

// TestPortionKeyLength: a key has at most 255 characters, and the part that makes it another one stays.
func TestPortionKeyLength(t *testing.T) {
	for _, n := range []int{1, 237, 238, 239, 255} {
		key := strings.Repeat("k", n)
		got := portionKey(key, []string{"a@x.example"})
		if len(got) > 255 || !strings.HasPrefix(got, key[:min(n, 238)]+"-") {
			t.Errorf("a key of %d characters becomes %d: %s", n, len(got), got)
		}
		if got == portionKey(key, []string{"b@x.example"}) {
			t.Errorf("two portions of a key of %d characters have the same one", n)
		}
		m := prepared(t, "a@x.example")
		copied := *m
		copied.IdempotencyKey = got
		if _, err := mailer.Prepare(&copied); err != nil {
			t.Errorf("a key of %d characters becomes an invalid one: %v", n, err)
		}
	}
}

// threeKinds is a message with recipients of each kind.
func threeKinds(t *testing.T) *mailer.Message {
	m, err := mailer.Prepare(&mailer.Message{
		From: mailer.Address{Address: "app@example.com"}, Text: "t",
		To: []mailer.Address{{Address: "to1@x.example"}, {Address: "to2@x.example"}},
		Cc: []mailer.Address{{Address: "cc@x.example"}}, Bcc: []mailer.Address{{Address: "bcc@x.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestShare(t *testing.T) {
	all := []string{"to1@x.example", "to2@x.example", "cc@x.example", "bcc@x.example"}
	for _, c := range []struct {
		name    string
		limit   int
		targets []string
		want    []string
	}{
		{"no limit", 0, nil, nil},
		{"no limit for some", 0, all[1:], all[1:]},
		{"just as many", 4, nil, nil},
		{"some, just as many", 3, all[1:], all[1:]},
		{"too many", 3, nil, all[:3]},
		{"too many of some", 1, all[2:], all[2:3]},
	} {
		s := &send{msg: threeKinds(t), targets: c.targets}
		got := s.share(&route{caps: mailer.Capabilities{MaxRecipients: c.limit}})
		if !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestMessageFor(t *testing.T) {
	whole := threeKinds(t)
	some := []string{"to2@x.example", "bcc@x.example"}
	own := mailer.Address{Address: "noreply@own.example"}
	for _, c := range []struct {
		name     string
		features mailer.Feature
		from     mailer.Address
		to       []string
		shown    int // in To and Cc
		key      bool
	}{
		{"the whole", everything, mailer.Address{}, nil, 3, true},
		{"the whole, from an address of the route's own", everything, own, nil, 3, true},
		{"some, with the header of the whole", everything, mailer.Address{}, some, 3, true},
		{"some, with a header of their own", everything &^ mailer.FeatureEnvelope, mailer.Address{}, some, 1, false},
		{"some, with both of their own", everything &^ mailer.FeatureEnvelope, own, some, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			rt := &route{Route: Route{From: c.from}, caps: mailer.Capabilities{Features: c.features}}
			m, err := (&send{msg: whole}).messageFor(rt, c.to)
			if err != nil {
				t.Fatal(err)
			}
			if m, err = mailer.Prepare(m); err != nil {
				t.Fatal(err)
			}
			want := c.to
			if want == nil {
				want = whole.Recipients()
			}
			if got := m.Recipients(); !slices.Equal(got, want) {
				t.Errorf("it goes to %v, want %v", got, want)
			}
			if got := len(m.To) + len(m.Cc); got != c.shown {
				t.Errorf("the header shows %d, want %d", got, c.shown)
			}
			if (m.IdempotencyKey == whole.IdempotencyKey) != c.key || m.MessageID != whole.MessageID {
				t.Errorf("it is known as %s, %s", m.MessageID, m.IdempotencyKey)
			}
			if c.from == own && (m.From.Address != own.Address || len(m.ReplyTo) != 1) {
				t.Errorf("it is from %v, replies to %v", m.From, m.ReplyTo)
			}
			if c.from != own && m.From != whole.From {
				t.Errorf("it is from %v", m.From)
			}
		})
	}
	if fresh := threeKinds(t); !slices.Equal(whole.To, fresh.To) || !slices.Equal(whole.Cc, fresh.Cc) || !slices.Equal(whole.Bcc, fresh.Bcc) {
		t.Error("the message was changed")
	}
}

// TestMessageForNobody: a portion without a recipient is not sent.
func TestMessageForNobody(t *testing.T) {
	for _, features := range []mailer.Feature{everything, everything &^ mailer.FeatureEnvelope} {
		rt := &route{caps: mailer.Capabilities{Features: features}}
		m, err := (&send{msg: threeKinds(t)}).messageFor(rt, []string{"other@x.example"})
		if !errors.Is(err, mailer.ErrInvalidMessage) || m != nil {
			t.Errorf("got %v, %v", m, err)
		}
	}
}
