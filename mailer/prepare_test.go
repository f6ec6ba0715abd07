package mailer_test

import (
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

var someDate = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// simple is the smallest message worth sending, envelope one whose content is raw.
func simple() *mailer.Message {
	return &mailer.Message{
		From:    mailer.Address{Name: "Ann", Address: "ann@example.com"},
		To:      []mailer.Address{{Address: "bob@example.org"}},
		Subject: "Hello", Text: "Hello, Bob.\n",
	}
}

func envelope(raw mailer.Content) *mailer.Message {
	m := simple()
	m.Subject, m.Text, m.Raw = "", "", raw
	return m
}

// full sets every field that can be set beside the others.
func full() *mailer.Message {
	return &mailer.Message{
		From:       mailer.Address{Name: "Ann", Address: "ann@example.com"},
		Sender:     mailer.Address{Name: "Secretary", Address: "sec@example.com"},
		To:         []mailer.Address{{Name: "Bob", Address: "bob@example.org"}, {Address: "carl@example.org"}},
		Cc:         []mailer.Address{{Name: "Dora", Address: "dora@example.org"}},
		Bcc:        []mailer.Address{{Name: "Eve", Address: "eve@example.org"}},
		ReplyTo:    []mailer.Address{{Name: "Desk", Address: "desk@example.com"}},
		ReturnPath: "bounce@example.com",
		Subject:    "Hello", Text: "text", HTML: "<p>html</p>",
		Alternatives: []mailer.Alternative{{ContentType: "text/calendar; method=REQUEST", Content: mailer.Bytes([]byte("BEGIN"))}},
		Attachments: []mailer.Attachment{
			{Name: "a.pdf", ContentType: "application/pdf", Content: mailer.Bytes([]byte("%PDF"))},
			{Name: "logo.png", ContentType: "image/png", ContentID: "logo@example.com", Content: mailer.Bytes([]byte("png"))},
		},
		Headers: mailer.Header{{Name: "X-One", Value: "1"}, {Name: "X-One", Value: "2"}},
		Date:    someDate, MessageID: "<id@example.com>", IdempotencyKey: "key",
		Delivery: mailer.AtLeastOnce, AllOrNone: true, SendAt: someDate.Add(time.Hour),
		Template:    &mailer.Template{ID: "welcome", Version: "2", Data: map[string]any{"name": "Bob"}},
		Unsubscribe: mailer.Unsubscribe{URL: "https://example.com/u", Mailto: "u@example.com", OneClick: true},
		Tags:        []string{"one", "two"}, Metadata: map[string]string{"order": "7"},
		TrackOpens: mailer.On, TrackClicks: mailer.Off, Priority: mailer.PriorityHigh,
		DSN:             mailer.DSN{Notify: mailer.NotifyFailure | mailer.NotifyDelay, ReturnFull: true, EnvelopeID: "env-1"},
		ProviderOptions: map[string]any{"sendgrid": "option"},
	}
}

func mustPrepare(t testing.TB, msg *mailer.Message) *mailer.Message {
	t.Helper()
	m, err := mailer.Prepare(msg)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return m
}

// refused expects Prepare to refuse msg in the documented way and returns the error.
func refused(t testing.TB, msg *mailer.Message) *mailer.SendError {
	t.Helper()
	m, err := mailer.Prepare(msg)
	var e *mailer.SendError
	if m != nil || !errors.As(err, &e) {
		t.Fatalf("got a message: %v, error %v, want a *SendError alone", m != nil, err)
	}
	if !errors.Is(err, mailer.ErrInvalidMessage) || e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeCaller ||
		e.Receipt == nil || e.Receipt.Outcome != mailer.NotAccepted || e.Elsewhere || e.Temporary {
		t.Errorf("got %+v, want an invalid message that nobody takes", e)
	}
	return e
}

// exportedFields are the fields of m by name, without what Prepare keeps to itself.
func exportedFields(m *mailer.Message) map[string]any {
	fields := make(map[string]any)
	v := reflect.ValueOf(*m)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			fields[f.Name] = v.Field(i).Interface()
		}
	}
	return fields
}

func differences(got, want *mailer.Message) []string {
	var names []string
	g := exportedFields(got)
	for name, value := range exportedFields(want) {
		if !reflect.DeepEqual(g[name], value) {
			names = append(names, name)
		}
	}
	return names
}

func TestFullSetsEveryField(t *testing.T) {
	for name, value := range exportedFields(full()) {
		if name != "Raw" && reflect.ValueOf(value).IsZero() {
			t.Errorf("%s is not set: the tests that walk over a full message miss it", name)
		}
	}
}

func TestPrepareNil(t *testing.T) { refused(t, nil) }

func TestPrepareKeepsWhatIsValid(t *testing.T) {
	if diff := differences(mustPrepare(t, full()), full()); len(diff) != 0 {
		t.Errorf("changed: %v", diff)
	}
}

func TestPrepareDoesNotChangeTheMessage(t *testing.T) {
	for name, build := range map[string]func() *mailer.Message{
		"full": full, "simple": simple,
		"to be normalised": func() *mailer.Message {
			m := simple()
			m.From.Address, m.To[0].Address = "ann@bücher.example", "bob@BÜCHER.example"
			m.Cc = []mailer.Address{{Address: "bob@xn--bcher-kva.example"}}
			m.MessageID = "id@example.com"
			m.Attachments = []mailer.Attachment{{Name: "/etc/a\u202e.txt", ContentID: "<cid>", Content: mailer.Bytes(nil)}}
			return m
		},
	} {
		msg, same := build(), build()
		mustPrepare(t, msg)
		if !reflect.DeepEqual(msg, same) {
			t.Errorf("%s: changed: %v", name, differences(msg, same))
		}
	}
}

func TestPrepareIsIdempotent(t *testing.T) {
	m := mustPrepare(t, full())
	again, err := mailer.Prepare(m)
	if err != nil || again != m || !m.IsPrepared() {
		t.Errorf("got %p, %v, want the same message", again, err)
	}
	if full().IsPrepared() || new(mailer.Message).IsPrepared() {
		t.Error("a message that was never prepared says it is")
	}
}

// scramble changes everything that msg refers to, in place: elements, map values,
// what pointers point to.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scramble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scramble(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			v.SetMapIndex(key, reflect.Zero(v.Type().Elem()))
		}
		v.SetMapIndex(reflect.ValueOf("new"), reflect.Zero(v.Type().Elem()))
	default:
		v.SetZero()
	}
}

func TestPrepareFreezes(t *testing.T) {
	msg := full()
	m := mustPrepare(t, msg)
	recipients, from, boundary := slices.Clone(m.Recipients()), m.EnvelopeFrom(), m.Boundary()
	scramble(reflect.ValueOf(msg).Elem())
	if diff := differences(m, full()); len(diff) != 0 {
		t.Errorf("changed with the caller's message: %v", diff)
	}
	if !slices.Equal(m.Recipients(), recipients) || m.EnvelopeFrom() != from || m.Boundary() != boundary {
		t.Error("the envelope or the boundary changed with the caller's message")
	}
}

// Two adapters may append to what they read from the same prepared message.
func TestPreparedSlicesHaveNoRoom(t *testing.T) {
	msg := full()
	msg.Cc = append(msg.Cc, msg.To...) // repeated recipients leave room in a list made for all
	m := mustPrepare(t, msg)
	v := reflect.ValueOf(*m)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Cap() > f.Len() {
			t.Errorf("%s has room for %d more", v.Type().Field(i).Name, f.Cap()-f.Len())
		}
	}
	if r := m.Recipients(); cap(r) > len(r) {
		t.Errorf("Recipients has room for %d more: appends of two senders meet there", cap(r)-len(r))
	}
}

var mintedID = regexp.MustCompile(`^<[0-9a-f]{12}\.[0-9a-f]{20}@example\.com>$`)

func TestPrepareMints(t *testing.T) {
	before := time.Now()
	m := mustPrepare(t, simple())
	after := time.Now()
	if !mintedID.MatchString(m.MessageID) {
		t.Errorf("Message-ID %q", m.MessageID)
	}
	if m.IdempotencyKey != strings.Trim(m.MessageID, "<>") {
		t.Errorf("key %q of Message-ID %q", m.IdempotencyKey, m.MessageID)
	}
	if m.Date.Before(before) || m.Date.After(after) {
		t.Errorf("Date %v is not between %v and %v", m.Date, before, after)
	}
	if !regexp.MustCompile(`^[0-9a-f]{20}$`).MatchString(m.Boundary()) {
		t.Errorf("boundary %q", m.Boundary())
	}
	if m.EnvelopeFrom() != "ann@example.com" || m.ReturnPath != "" {
		t.Errorf("envelope from %q, return path %q", m.EnvelopeFrom(), m.ReturnPath)
	}
}

func TestMintedIdentityIsUnique(t *testing.T) {
	seen := make(map[string]bool)
	for range 2000 {
		msg := simple()
		msg.Date = someDate
		m := mustPrepare(t, msg)
		for _, id := range []string{m.MessageID, m.Boundary()} {
			if seen[id] {
				t.Fatalf("%q twice", id)
			}
			seen[id] = true
		}
	}
}

func TestMintedMessageIDDomain(t *testing.T) {
	long := strings.Repeat(strings.Repeat("d", 60)+".", 3) + strings.Repeat("e", 60) // 243 bytes
	for from, want := range map[string]string{
		"ann@bücher.example": "@xn--bcher-kva.example>",
		"ann@EXAMPLE.com":    "@EXAMPLE.com>",
		"a@" + long:          ">",
	} {
		msg := simple()
		msg.From.Address = from
		m := mustPrepare(t, msg)
		if !strings.HasSuffix(m.MessageID, want) || len(m.MessageID) > 250 {
			t.Errorf("from %.30q: Message-ID %q", from, m.MessageID)
		}
	}
}

func TestGivenIdentityIsKept(t *testing.T) {
	msg := simple()
	msg.MessageID, msg.Date = "left@right", someDate
	m := mustPrepare(t, msg)
	if m.MessageID != "<left@right>" || m.IdempotencyKey != "left@right" || !m.Date.Equal(someDate) {
		t.Errorf("got %q, %q, %v", m.MessageID, m.IdempotencyKey, m.Date)
	}
	msg.IdempotencyKey = "order-7"
	if m = mustPrepare(t, msg); m.MessageID != "<left@right>" || m.IdempotencyKey != "order-7" {
		t.Errorf("got %q, %q", m.MessageID, m.IdempotencyKey)
	}
}

func TestChangedCopyIsPreparedAgain(t *testing.T) {
	m := mustPrepare(t, simple())
	c := *m
	if c.IsPrepared() || c.Boundary() != "" || c.EnvelopeFrom() != "" {
		t.Error("a copy counts as prepared, though somebody may have changed it")
	}
	c.To = []mailer.Address{{Address: "carl@example.org"}}
	again := mustPrepare(t, &c)
	if again == m || again == &c || !again.IsPrepared() {
		t.Error("not a prepared message of its own")
	}
	if again.MessageID != m.MessageID || again.IdempotencyKey != m.IdempotencyKey || !again.Date.Equal(m.Date) ||
		again.Boundary() != m.Boundary() {
		t.Error("the identity changed")
	}
	if got := again.Recipients(); !slices.Equal(got, []string{"carl@example.org"}) {
		t.Errorf("the recipients are %v, those of before the change", got)
	}
	c.Subject = "a\r\nBcc: x@example.com"
	refused(t, &c)
}

// A new Message-ID makes a new message; under the old key a provider would take it
// for the old one and drop it.
func TestCopyWithNewMessageIDGetsNewKey(t *testing.T) {
	m := mustPrepare(t, simple())
	c := *m
	c.MessageID = ""
	again := mustPrepare(t, &c)
	if again.MessageID == m.MessageID || again.IdempotencyKey != strings.Trim(again.MessageID, "<>") {
		t.Errorf("Message-ID %q, key %q", again.MessageID, again.IdempotencyKey)
	}
	c = *m
	c.IdempotencyKey, c.MessageID = "mine", ""
	if again = mustPrepare(t, &c); again.IdempotencyKey != "mine" {
		t.Errorf("the caller's key became %q", again.IdempotencyKey)
	}
}

// A prepared message that is changed in place would go out unchecked, to the
// recipients of before.
// The header must not name one recipient while the envelope names another.
func TestPreparedMessageChangedInPlace(t *testing.T) {
	other := mailer.Address{Address: "carl@example.org"}
	for name, change := range map[string]func(*mailer.Message){
		"From":       func(m *mailer.Message) { m.From = other },
		"To":         func(m *mailer.Message) { m.To = []mailer.Address{other} },
		"To[0]":      func(m *mailer.Message) { m.To[0] = other },
		"more To":    func(m *mailer.Message) { m.To = append(m.To, other) },
		"To to Bcc":  func(m *mailer.Message) { m.To, m.Bcc = nil, append(m.To, other) },
		"no To":      func(m *mailer.Message) { m.To, m.Cc = nil, []mailer.Address{other} },
		"ReplyTo":    func(m *mailer.Message) { m.ReplyTo = []mailer.Address{other} },
		"ReturnPath": func(m *mailer.Message) { m.ReturnPath = "<>" },
		"MessageID":  func(m *mailer.Message) { m.MessageID = "<other@example.org>" },
	} {
		m := mustPrepare(t, simple())
		change(m)
		if _, err := mailer.Prepare(m); !errors.Is(err, mailer.ErrInvalidMessage) {
			t.Errorf("%s: taken as it was prepared", name)
		}
		c := *m
		if again, err := mailer.Prepare(&c); err != nil || again == m {
			t.Errorf("%s: a copy is refused: %v", name, err)
		}
	}
}

func TestPrepareConcurrently(t *testing.T) {
	msg := full()
	race(8, func(int) {
		if m := mustPrepare(t, msg); len(m.Recipients()) != 4 {
			t.Errorf("recipients %v", m.Recipients())
		}
	})
}
