package apimail_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

const header = "From: Ann <ann@example.com>\r\nTo: bob@example.net\r\nSubject: A letter\r\n"

func raw(fields string, recipients ...string) *mailer.Message {
	m := &mailer.Message{From: mailer.Address{Address: "ann@example.com"}, Raw: mailer.Bytes([]byte(fields + "\r\nHello\r\n"))}
	for _, r := range recipients {
		m.To = append(m.To, mailer.Address{Address: r})
	}
	return m
}

func parsed(t *testing.T, m *mailer.Message) (before, after *mailer.Message) {
	t.Helper()
	before, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	after, err = apimail.Parsed(before)
	if err != nil {
		t.Fatal(err)
	}
	return before, after
}

func TestParsedNotRaw(t *testing.T) {
	before, after := parsed(t, &mailer.Message{
		From: mailer.Address{Address: "ann@example.com"}, To: []mailer.Address{{Address: "bob@example.net"}}, Subject: "s", Text: "t",
	})
	if before != after {
		t.Error("a message that is not raw is another one")
	}
}

// TestParsedKeeps: what is no content stays as it was, field by field.
func TestParsedKeeps(t *testing.T) {
	m := raw(header+"Message-ID: <1@example.com>\r\n", "bob@example.net", "eve@example.org")
	m.Delivery, m.AllOrNone, m.SendAt = mailer.AtLeastOnce, true, time.Now().Add(time.Hour)
	m.IdempotencyKey, m.Date = "key", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m.Tags, m.Metadata, m.ProviderOptions = []string{"a"}, map[string]string{"k": "v"}, map[string]any{"x": 1}
	m.TrackOpens, m.TrackClicks, m.DSN = mailer.On, mailer.Off, mailer.DSN{Notify: mailer.NotifyNever}
	before, after := parsed(t, m)
	content := []string{"From", "To", "Bcc", "Subject", "Text", "Raw", "ReplyTo", "prepared"}
	then, now := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	for i := range then.NumField() {
		name := then.Type().Field(i).Name
		if !slices.Contains(content, name) && !reflect.DeepEqual(then.Field(i).Interface(), now.Field(i).Interface()) {
			t.Errorf("%s is %v, was %v", name, now.Field(i), then.Field(i))
		}
	}
	if after.MessageID != "<1@example.com>" || !after.IsPrepared() || !after.Raw.IsZero() || after.Text != "Hello\n" || after.From.Name != "Ann" {
		t.Errorf("got %+v", after)
	}
	if _, again := parsed(t, before); again.Boundary() != after.Boundary() || again.MessageID != after.MessageID {
		t.Error("another attempt has another identity")
	}
}

// TestParsedHeaders: the fields of a priority and for unsubscribing stay fields.
func TestParsedHeaders(t *testing.T) {
	want := mailer.Header{
		{Name: "X-Priority", Value: "1"}, {Name: "Importance", Value: "high"}, {Name: "Priority", Value: "urgent"},
		{Name: "List-Unsubscribe", Value: "<https://example.com/u>"}, {Name: "List-Unsubscribe-Post", Value: "List-Unsubscribe=One-Click"},
	}
	fields := header
	for _, f := range want {
		fields += f.Name + ": " + f.Value + "\r\n"
	}
	if _, m := parsed(t, raw(fields, "bob@example.net")); !slices.Equal(m.Headers, want) || m.Priority != mailer.PriorityDefault || m.Unsubscribe != (mailer.Unsubscribe{}) {
		t.Errorf("got %v", m.Headers)
	}
}

// TestParsedNeeds: what the header cannot say of the envelope is a feature that has to be there.
func TestParsedNeeds(t *testing.T) {
	const name = mailer.FeatureSenderName
	for _, c := range []struct {
		name   string
		m      *mailer.Message
		change func(*mailer.Message)
		want   mailer.Feature
		bcc    []string
	}{
		{"nothing", raw(header, "bob@example.net"), nil, 0, nil},
		{"a blind copy", raw(header, "eve@example.org", "bob@example.net"), nil, 0, []string{"eve@example.org"}},
		{"a domain in other letters", raw(header, "bob@EXAMPLE.NET"), nil, 0, nil},
		{"fewer", raw(header+"Cc: eve@example.org\r\n", "bob@example.net"), nil, mailer.FeatureEnvelope, nil},
		{"others", raw(header, "eve@example.org"), nil, mailer.FeatureEnvelope, []string{"eve@example.org"}},
		{"another local part", raw(header, "Bob@example.net"), nil, mailer.FeatureEnvelope, []string{"Bob@example.net"}},
		{"another return path", raw(header, "bob@example.net"), func(m *mailer.Message) { m.ReturnPath = "bounces@example.com" }, mailer.FeatureReturnPath, nil},
		{"the null return path", raw(header, "bob@example.net"), func(m *mailer.Message) { m.ReturnPath = "<>" }, mailer.FeatureReturnPath, nil},
		{"the return path of the header's Sender", raw("Sender: robot@example.com\r\n"+header, "bob@example.net"), func(m *mailer.Message) {
			m.From.Address = "robot@example.com"
		}, mailer.FeatureSender, nil},
		{"the author as the Sender", raw("Sender: ann@Example.com\r\n"+header, "bob@example.net"), nil, 0, nil},
		{"the author and his name as the Sender", raw("Sender: Ann <ann@example.com>\r\n"+header, "bob@example.net"), nil, 0, nil},
		{"the author under another name", raw("Sender: A. <ann@example.com>\r\n"+header, "bob@example.net"), nil, mailer.FeatureSender, nil},
		{"the author's own return path", raw(header, "bob@example.net"), func(m *mailer.Message) { m.ReturnPath = "Ann@Example.com" }, 0, nil},
	} {
		if c.change != nil {
			c.change(c.m)
		}
		before, m := parsed(t, c.m)
		if got := mailer.Needs(m); got != c.want|name {
			t.Errorf("%s: needs %s, want %s", c.name, got, c.want|name)
		}
		var bcc []string
		for _, a := range m.Bcc {
			bcc = append(bcc, a.Address)
		}
		if !slices.Equal(bcc, c.bcc) || m.EnvelopeFrom() == "" && before.EnvelopeFrom() != "" {
			t.Errorf("%s: Bcc %q, want %q", c.name, bcc, c.bcc)
		}
	}
}

// TestParsedNarrow: a message that is narrow shows more than it goes to, unless those left out were not shown.
func TestParsedNarrow(t *testing.T) {
	whole, err := mailer.Prepare(raw(header, "bob@example.net", "eve@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]mailer.Feature{"bob@example.net": 0, "eve@example.org": mailer.FeatureEnvelope} {
		narrow, err := mailer.Narrow(whole, []string{address})
		if err != nil {
			t.Fatal(err)
		}
		_, m := parsed(t, narrow)
		if got := mailer.Needs(m) & mailer.FeatureEnvelope; got != want || !slices.Equal(m.Recipients(), []string{address}) {
			t.Errorf("%s: needs %q, goes to %q", address, got, m.Recipients())
		}
	}
}

// TestParsedMany: recipients who are shown do not count twice.
func TestParsedMany(t *testing.T) {
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf("user%d@example.net", i))
	}
	if _, m := parsed(t, raw("From: ann@example.com\r\nTo: "+strings.Join(all, ",\r\n ")+"\r\n", all...)); !slices.Equal(m.Recipients(), all) || len(m.Bcc) != 0 {
		t.Errorf("%d recipients, %d blind", len(m.Recipients()), len(m.Bcc))
	}
}

// TestParsedRefused: another provider may carry what is refused here, whatever is wrong with it; what nobody can
// read is another matter.
func TestParsedRefused(t *testing.T) {
	for fields, why := range map[string]string{
		header + "Received: from a by b\r\n":                      "Raw cannot be taken apart: Received tells of an earlier way",
		header + "Subject: B\r\n":                                 "Raw cannot be taken apart: Subject stands there twice",
		strings.Replace(header, "bob@", "a..b@", 1):               "Raw cannot be taken apart: ",
		header + strings.Repeat("X-A: 1\r\n", 101):                "Raw cannot be taken apart: Headers are more than 100",
		header + "Content-Type: multipart/signed; boundary=x\r\n": "Raw cannot be taken apart: ",
	} {
		m, err := mailer.Prepare(raw(fields, "bob@example.net"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = apimail.Parsed(m)
		if !errors.Is(err, mailer.ErrUnsupported) || errors.Is(err, mailer.ErrInvalidMessage) || !strings.HasPrefix(fmt.Sprint(err), "unsupported: "+why) {
			t.Errorf("got %v, want %s", err, why)
		}
	}
	m := raw(header, "bob@example.net")
	m.Raw = mailer.Opener(9, func() (io.ReadCloser, error) { return nil, errors.New("gone") })
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = apimail.Parsed(m); !errors.Is(err, httpapi.ErrSource) || errors.Is(err, mailer.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
