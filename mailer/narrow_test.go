package mailer_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

func mustNarrow(t testing.TB, m *mailer.Message, to ...string) *mailer.Message {
	t.Helper()
	narrow, err := mailer.Narrow(m, to)
	if err != nil {
		t.Fatalf("narrow to %q: %v", to, err)
	}
	return narrow
}

// rendered returns the bytes that SMTP would carry.
func rendered(t *testing.T, m *mailer.Message) string {
	t.Helper()
	body, err := eml.Render(m, eml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Release()
	var b bytes.Buffer
	if _, err := body.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// crowd returns a message to n recipients, r0@example.org and so on.
func crowd(n int) *mailer.Message {
	m := simple()
	m.To = nil
	for i := range n {
		m.To = append(m.To, mailer.Address{Address: fmt.Sprintf("r%d@example.org", i)})
	}
	return m
}

func wantRecipients(t *testing.T, what string, m *mailer.Message, want ...string) {
	t.Helper()
	if got := m.Recipients(); !slices.Equal(got, want) || cap(got) != len(want) {
		t.Errorf("%s: got %q with room for %d, want %q and no room", what, got, cap(got), want)
	}
}

// repeated has recipients that stand in several places, and some by other spellings.
func repeated() *mailer.Message {
	m := simple()
	m.To = []mailer.Address{{Address: "bob@Example.org"}, {Address: "carl@bücher.example"}}
	m.Cc = []mailer.Address{{Address: "BOB@example.org"}, {Address: "bob@example.org"}, {Address: "dora@example.org"}}
	m.Bcc = []mailer.Address{{Address: "eve@example.org"}, {Address: "dora@example.org"}}
	return m
}

func TestNarrow(t *testing.T) {
	all := []string{"bob@Example.org", "carl@xn--bcher-kva.example", "BOB@example.org", "dora@example.org", "eve@example.org"}
	for _, c := range []struct {
		name     string
		to, want []string // want nil: everybody
	}{
		{"some", []string{"bob@Example.org", "dora@example.org"}, []string{"bob@Example.org", "dora@example.org"}},
		{"in another order", []string{"eve@example.org", "BOB@example.org"}, []string{"BOB@example.org", "eve@example.org"}},
		{"more than once", []string{"dora@example.org", "dora@example.org"}, []string{"dora@example.org"}},
		{"another case of the domain", []string{"bob@EXAMPLE.ORG", "dora@Example.Org"}, []string{"bob@Example.org", "dora@example.org"}},
		{"another case of the local part", []string{"Bob@example.org", "eve@example.org"}, []string{"eve@example.org"}},
		{"international", []string{"carl@XN--bcher-kva.example"}, []string{"carl@xn--bcher-kva.example"}},
		{"a stranger besides", []string{"eve@example.org", "mallory@example.org", "", "@"}, []string{"eve@example.org"}},
		{"everybody", append(slices.Clone(all), "mallory@example.org"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := mustPrepare(t, repeated())
			narrow := mustNarrow(t, m, c.to...)
			wantRecipients(t, "the message itself", m, all...)
			if c.want == nil {
				if narrow != m {
					t.Error("nobody is left out, and it is another message")
				}
				return
			}
			wantRecipients(t, "narrow", narrow, c.want...)
			if !narrow.IsPrepared() || mailer.Needs(narrow)&^mailer.Needs(m) != mailer.FeatureEnvelope {
				t.Errorf("prepared: %t, needs %v", narrow.IsPrepared(), mailer.Needs(narrow))
			}
			if again, err := mailer.Prepare(narrow); err != nil || again != narrow {
				t.Errorf("prepared again it is %v, error %v", again, err)
			}
		})
	}
}

// TestNarrowAmongMany: as with few, where addresses are compared in another way.
func TestNarrowAmongMany(t *testing.T) {
	m := mustPrepare(t, crowd(1000))
	narrow := mustNarrow(t, m, "r999@EXAMPLE.org", "r0@example.org", "R1@example.org")
	wantRecipients(t, "narrow", narrow, "r0@example.org", "r999@example.org")
	narrow = mustNarrow(t, m, m.Recipients()[1:]...)
	wantRecipients(t, "all but one", narrow, m.Recipients()[1:]...)
}

// TestNarrowKeepsAllElse: header, content and identity are those of the whole message.
func TestNarrowKeepsAllElse(t *testing.T) {
	given := full()
	given.Template, given.SendAt = nil, someDate.AddDate(1, 0, 0)
	m := mustPrepare(t, given)
	narrow := mustNarrow(t, m, "eve@example.org")
	if narrow.MessageID != m.MessageID || narrow.IdempotencyKey != m.IdempotencyKey || narrow.Boundary() != m.Boundary() ||
		!narrow.Date.Equal(m.Date) || narrow.EnvelopeFrom() != m.EnvelopeFrom() {
		t.Errorf("another identity: %s, want %s", narrow.MessageID, m.MessageID)
	}
	if got, want := rendered(t, narrow), rendered(t, m); got != want {
		t.Errorf("another message:\n%s\nwant\n%s", got, want)
	}
}

func TestNarrowPreparesFirst(t *testing.T) {
	msg := crowd(3)
	narrow := mustNarrow(t, msg, "r1@example.org")
	wantRecipients(t, "narrow", narrow, "r1@example.org")
	if narrow.MessageID == "" || msg.MessageID != "" || len(msg.Recipients()) != 3 {
		t.Errorf("Message-ID %q, of the message given %q", narrow.MessageID, msg.MessageID)
	}
	changed := mustPrepare(t, crowd(3))
	changed.To = changed.To[1:]
	for name, bad := range map[string]*mailer.Message{"nil": nil, "invalid": {}, "changed after Prepare": changed} {
		_, want := mailer.Prepare(bad)
		if got, err := mailer.Narrow(bad, []string{"r1@example.org"}); got != nil || err == nil || err.Error() != want.Error() {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
}

func TestNarrowTwice(t *testing.T) {
	once := mustNarrow(t, crowd(4), "r3@example.org", "r1@example.org", "r0@example.org")
	twice := mustNarrow(t, once, "r2@example.org", "r3@example.org", "r1@example.org")
	wantRecipients(t, "once", once, "r0@example.org", "r1@example.org", "r3@example.org")
	wantRecipients(t, "twice", twice, "r1@example.org", "r3@example.org")
	if same := mustNarrow(t, twice, twice.Recipients()...); same != twice {
		t.Error("it was narrowed to all it has, and is another message")
	}
	for _, m := range []*mailer.Message{once, twice} {
		if mailer.Needs(m)&mailer.FeatureEnvelope == 0 {
			t.Error("a narrow message needs no envelope of its own")
		}
	}
}

func TestNarrowToNobody(t *testing.T) {
	m := mustNarrow(t, crowd(3), "r1@example.org", "r2@example.org")
	for name, to := range map[string][]string{
		"nil": nil, "none": {}, "stranger": {"mallory@example.org"}, "left out before": {"r0@example.org"}, "local part": {"R1@example.org"},
	} {
		got, err := mailer.Narrow(m, to)
		var e *mailer.SendError
		if got != nil || !errors.As(err, &e) {
			t.Fatalf("%s: got %v, %v", name, got, err)
		}
		if !errors.Is(err, mailer.ErrInvalidMessage) || e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeCaller || e.Receipt == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestCopyStaysNarrow: wrappers copy a message to change it, and adapters prepare the
// copy. Nobody who has the message gets it again by that.
func TestCopyStaysNarrow(t *testing.T) {
	const left = "r1@example.org"
	shop := mailer.Address{Name: "Shop", Address: "shop@example.net"}
	for _, c := range []struct {
		name   string
		change func(*mailer.Message) *mailer.Message
		narrow bool
	}{
		{"as it is", func(m *mailer.Message) *mailer.Message { return m }, true},
		{"SendAs", func(m *mailer.Message) *mailer.Message { return mailer.SendAs(m, shop) }, true},
		{"SendAs twice", func(m *mailer.Message) *mailer.Message {
			return mailer.SendAs(mailer.SendAs(m, shop), mailer.Address{Address: "desk@example.net"})
		}, true},
		{"another subject", func(m *mailer.Message) *mailer.Message { m.Subject = "x"; return m }, true},
		{"somebody added", func(m *mailer.Message) *mailer.Message {
			m.Bcc = append(m.Bcc, mailer.Address{Address: "archive@example.net"})
			return m
		}, true},
		{"in another list", func(m *mailer.Message) *mailer.Message { m.To, m.Cc = nil, m.To; return m }, true},
		{"nobody else in the lists", func(m *mailer.Message) *mailer.Message { m.To = m.To[1:2]; return m }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := *mustNarrow(t, crowd(3), left)
			m := c.change(&changed)
			check := func(what string) {
				t.Helper()
				wantRecipients(t, what, m, left)
				if got := mailer.Needs(m)&mailer.FeatureEnvelope != 0; got != c.narrow {
					t.Errorf("%s: it needs an envelope of its own: %t, want %t", what, got, c.narrow)
				}
			}
			check("the copy")
			m = mustPrepare(t, m)
			check("prepared")
			c := *m
			m = mustPrepare(t, &c)
			check("a copy of that, prepared")
		})
	}
}

// TestCopyToNobodyLeft: a copy that leaves out whom it was narrowed to has no recipient.
func TestCopyToNobodyLeft(t *testing.T) {
	c := *mustNarrow(t, crowd(3), "r1@example.org")
	c.To = []mailer.Address{c.To[0], {Address: "mallory@example.org"}}
	if got := c.Recipients(); len(got) != 0 {
		t.Errorf("it has the recipients %q", got)
	}
	refused(t, &c)
}

// TestNarrowMessageCannotBeChanged: as no prepared one can.
func TestNarrowMessageCannotBeChanged(t *testing.T) {
	m := mustNarrow(t, crowd(3), "r1@example.org")
	m.To = m.To[:2]
	refused(t, m)
}

func TestSpoolKeepsNarrow(t *testing.T) {
	msg := crowd(3)
	msg.Attachments = []mailer.Attachment{{Name: "a", Content: mailer.Reader(bytes.NewReader([]byte("once")))}}
	spooled, release, err := mailer.Spool(t.Context(), mustNarrow(t, msg, "r2@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	wantRecipients(t, "spooled", spooled, "r2@example.org")
	wantRecipients(t, "narrowed after it was spooled", mustNarrow(t, spooled, "r2@EXAMPLE.ORG"), "r2@example.org")
}

// TestNarrowAtOnce: one prepared message is narrowed in several ways at the same time.
func TestNarrowAtOnce(t *testing.T) {
	m := mustPrepare(t, crowd(8))
	var wg sync.WaitGroup
	for _, to := range m.Recipients() {
		wg.Go(func() {
			narrow := mustNarrow(t, m, to)
			wantRecipients(t, "narrow", narrow, to)
			wantRecipients(t, "sent as another", mustPrepare(t, mailer.SendAs(narrow, mailer.Address{Address: "shop@example.net"})), to)
		})
	}
	wg.Wait()
}
