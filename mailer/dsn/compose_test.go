package dsn_test

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
	"github.com/mailkeel/mailkeel/mailer/observe"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A fleet is an adapter whose hosts are scripts. Those that it does not have accept all.
type fleet map[string]*mailertest.Script

func (f fleet) mux() dsn.Mux {
	return dsn.Mux{{{Name: "x", Params: []string{"p"}, Open: func(_ context.Context, u *dsn.URL) (mailer.Sender, error) {
		switch u.Host() {
		case "broken":
			return nil, errors.New("x: broken")
		case "nobody":
			return nil, nil
		}
		if f[u.Host()] == nil {
			f[u.Host()] = &mailertest.Script{Rest: &mailertest.Step{}}
		}
		f[u.Host()].Name = cmp.Or(u.Common().Name, u.Host())
		return f[u.Host()], nil
	}}}}
}

func (f fleet) open(t *testing.T, s string) mailer.Sender {
	t.Helper()
	sender, err := f.mux().Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.(mailer.Closer).Close(context.Background()) })
	return sender
}

// copies counts those of all messages that each host has.
func (f fleet) copies() map[string]int {
	counts := map[string]int{}
	for host, script := range f {
		if n := len(script.Kept()); n > 0 {
			counts[host] = n
		}
	}
	return counts
}

func (f fleet) isClosed(t *testing.T, host string) bool {
	t.Helper()
	_, err := f[host].Send(t.Context(), note())
	return errors.Is(err, mailer.ErrClosed)
}

// down refuses every message, and lost keeps every message but does not say so.
func down() *mailertest.Script {
	return &mailertest.Script{Rest: &mailertest.Step{Verdict: &mailer.SendError{Outcome: mailer.NotAccepted, Elsewhere: true}}}
}

func lost() *mailertest.Script {
	return &mailertest.Script{Rest: &mailertest.Step{Verdict: &mailer.SendError{}, Kept: true}}
}

func note() *mailer.Message {
	return &mailer.Message{
		From: mailer.Address{Name: "Ann", Address: "ann@example.com"},
		To:   []mailer.Address{{Address: "bob@example.org"}},
		Text: "hi",
	}
}

func TestFailover(t *testing.T) {
	f := fleet{"a": down()}
	receipt, err := f.open(t, "failover(x://a x://b?name=backup)").Send(t.Context(), note())
	if err != nil || receipt.Route != "backup" || f.copies()["b"] != 1 {
		t.Errorf("got %+v, %v, and %v", receipt, err, f.copies())
	}
	if len(receipt.Attempts) != 2 || receipt.Attempts[0].Route != "a" || receipt.Attempts[1].Route != "backup" {
		t.Errorf("got the attempts %+v", receipt.Attempts)
	}
}

func TestPolicies(t *testing.T) {
	const messages = 400
	for _, test := range []struct {
		in   string
		from int // at a
		to   int
	}{
		{"failover(x://a x://b)", messages, messages},
		{"roundrobin(x://a x://b)", messages / 2, messages / 2},
		{"weighted(x://a x://b)", 150, 250},
		{"weighted(9*x://a x://b)", 320, 390},
	} {
		f := fleet{}
		sender := f.open(t, test.in)
		for range messages {
			if _, err := sender.Send(t.Context(), note()); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.copies(); got["a"] < test.from || got["a"] > test.to || got["a"]+got["b"] != messages {
			t.Errorf("%s: got %v, want %d to %d at a", test.in, got, test.from, test.to)
		}
	}
}

// What a composite is to do with an unknown outcome, its members that are composites do too.
func TestDelivery(t *testing.T) {
	for _, test := range []struct {
		in   string
		want map[string]int
	}{
		{"failover(x://a x://b)", map[string]int{"a": 1}},
		{"failover(x://a x://b)?delivery=at-least-once", map[string]int{"a": 1, "b": 1}},
		{"failover(failover(x://a x://b) x://c)", map[string]int{"a": 1}},
		{"failover(failover(x://a x://b) x://c)?delivery=at-least-once", map[string]int{"a": 1, "b": 1}},
		{"failover(failover(x://a x://b)?delivery=at-least-once x://c)", map[string]int{"a": 1, "b": 1}},
		{"failover(failover(x://a x://b)?delivery=at-most-once x://c)?delivery=at-least-once", map[string]int{"a": 1, "c": 1}},
	} {
		f := fleet{"a": lost()}
		_, err := f.open(t, test.in).Send(t.Context(), note())
		if got := f.copies(); !equal(got, test.want) || (err == nil) != (len(test.want) > 1) {
			t.Errorf("%s: got copies %v and %v, want %v", test.in, got, err, test.want)
		}
	}
}

func equal(a, b map[string]int) bool {
	for host := range b {
		if a[host] != b[host] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestRoutes(t *testing.T) {
	const from = "?from=Shop%20<noreply@shop.example>"
	for _, test := range []struct{ in, want string }{
		{"failover(x://a?from_domains=example.net x://b)", "b"},
		{"failover(x://a?from_domains=example.net,EXAMPLE.com x://b)", "a"},
		{"failover(x://a" + from + "&from_domains=example.com x://b)", "b"},
		{"failover(x://a" + from + "&from_domains=shop.example x://b)", "a"},
		{"failover(x://a?to_domains=example.net x://b)", "b"},
		{"failover(x://a?tags=news x://b)", "b"},
		{"failover(x://a?tags=news,bills x://b)", "a"},
		{"failover(failover(x://a)?tags=news x://b)", "b"},
		{"failover(failover(x://a)?tags=bills x://b)", "a"},
		{"failover(x://a?tags=news x://b)?max_attempts=1", "b"},
	} {
		f, msg := fleet{}, note()
		msg.Tags = []string{"bills"}
		if _, err := f.open(t, test.in).Send(t.Context(), msg); err != nil || !equal(f.copies(), map[string]int{test.want: 1}) {
			t.Errorf("%s: got %v, %v, want %s", test.in, f.copies(), err, test.want)
		}
	}
}

// The message is sent from the address once, whether it stands with a provider or with
// what is around it.
func TestMemberFrom(t *testing.T) {
	const from = "?from=Shop%20<noreply@shop.example>"
	for _, in := range []string{"failover(x://a" + from + ")", "failover(failover(x://a)" + from + ")"} {
		f := fleet{}
		if _, err := f.open(t, in).Send(t.Context(), note()); err != nil {
			t.Fatal(err)
		}
		kept := f["a"].Kept()
		if len(kept) != 1 || kept[0].Message.From != (mailer.Address{Name: "Ann", Address: "noreply@shop.example"}) ||
			!slices.Equal(kept[0].Message.ReplyTo, []mailer.Address{note().From}) {
			t.Errorf("%s: got %+v", in, kept)
		}
	}
}

func TestCompositeClose(t *testing.T) {
	f := fleet{}
	sender := f.open(t, "failover(x://a roundrobin(x://b x://c?from=a@b.example))?name=all")
	r, ok := mailer.Find[*router.Router](sender)
	if !ok || mailer.Sender(r) != sender {
		t.Fatalf("got a %T", sender)
	}
	var names []string
	for _, h := range r.Health() {
		names = append(names, h.Name)
	}
	if want := []string{"a", "route 2"}; !slices.Equal(names, want) {
		t.Errorf("got the routes %q, want %q", names, want)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for _, host := range []string{"a", "b", "c"} {
		if !f.isClosed(t, host) {
			t.Errorf("%s is open", host)
		}
	}
}

func TestFailureCloses(t *testing.T) {
	for _, in := range []string{
		"failover(x://a x://b x://broken)",
		"failover(x://a failover(x://b x://broken))",
		"failover(failover(x://a x://b) x://broken)",
		"failover(x://a x://b x://nobody)",
		"failover(x://a x://b ${DSN_UNSET})",
		"failover(x://a x://b x://c?p=1&p=2)",
		"failover(x://a?name=n x://b?name=n)",
		"failover(failover(x://a x://b)?name=n x://c?name=n)",
	} {
		f := fleet{}
		if _, err := f.mux().Open(t.Context(), in); err == nil {
			t.Errorf("%s: opened", in)
		}
		for host := range f {
			if !f.isClosed(t, host) {
				t.Errorf("%s: %s is open", in, host)
			}
		}
		if len(f) < 2 {
			t.Errorf("%s: only %d were opened", in, len(f))
		}
	}
}

// named is an adapter's Sender that has a name of its own.
type named struct {
	mailer.Sender
	name string
}

func (n named) Names() (provider, route string) { return "x", n.name }

func TestNames(t *testing.T) {
	mux := adapter(func(u *dsn.URL) (mailer.Sender, error) { return named{&recorder{}, u.Host()}, nil })
	sender, err := mux.Open(t.Context(), "failover(x://a x://b?name=c x://c?name=route%203)")
	if err != nil {
		t.Fatal(err)
	}
	r, _ := mailer.Find[*router.Router](sender)
	var names []string
	for _, h := range r.Health() {
		names = append(names, h.Name)
	}
	if want := []string{"a", "c", "route 3"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	const want = "connection string: members 1 and 2 have the same name: give one of them another with name="
	if _, err := mux.Open(t.Context(), "failover(x://h x://h)"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// listener is an observer that keeps what it hears.
type listener struct {
	mu    sync.Mutex
	heard []string
}

func (l *listener) ObserveAttempt(_ context.Context, a observe.Attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, a.Router+"/"+a.Route)
}

// The options reach all routers of the string.
func TestOptions(t *testing.T) {
	l, f := &listener{}, fleet{"a": down()}
	var keys []string
	options := dsn.Options{Observer: l, Rand: func(key string) rand.Source {
		l.mu.Lock()
		defer l.mu.Unlock()
		keys = append(keys, key)
		return rand.NewPCG(1, 2)
	}}
	sender, err := f.mux().OpenWith(t.Context(), "failover(x://a failover(x://b)?name=inner)?name=outer", options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sender.Send(t.Context(), note()); err != nil {
		t.Fatal(err)
	}
	if err := sender.(mailer.Closer).Close(t.Context()); err != nil {
		t.Error(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, want := range []string{"outer/a", "outer/inner/b", "inner/b"} {
		if !slices.Contains(l.heard, want) {
			t.Errorf("heard %q, not %s", l.heard, want)
		}
	}
	for _, want := range []string{"a", "inner", "b"} {
		if !slices.Contains(keys, want) {
			t.Errorf("drew for %q, not for %s", keys, want)
		}
	}
}
