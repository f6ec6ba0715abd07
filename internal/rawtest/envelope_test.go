package rawtest

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

const letter = "From: Ann <ann@example.com>\r\nTo: bob@example.net\r\nSubject: A letter\r\n\r\nHello\r\n"

// under is letter, changed, from ann@example.com to recipients.
func under(change func(text string) string, recipients ...string) *mailer.Message {
	m := &mailer.Message{From: mailer.Address{Address: "ann@example.com"}, To: addresses(recipients)}
	m.Raw = mailer.Bytes([]byte(change(letter)))
	return m
}

func addresses(list []string) (all []mailer.Address) {
	for _, a := range list {
		all = append(all, mailer.Address{Address: a})
	}
	return all
}

func replace(old, with string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, with, 1) }
}

var asItIs = replace("", "")

// atEach runs test at each API.
func atEach(t *testing.T, test func(t *testing.T, a *api)) {
	t.Run("sendgrid", func(t *testing.T) { test(t, overSendGrid(t)) })
	t.Run("acs", func(t *testing.T) { test(t, overACS(t, false)) })
}

// TestEnvelope: the message goes to the envelope's recipients, and the header shows those that it showed.
func TestEnvelope(t *testing.T) {
	same := func(*mailer.Message) {}
	for _, c := range []struct {
		name        string
		message     *mailer.Message
		change      func(*mailer.Message)
		to, cc, bcc []string
	}{
		{"the header's", under(asItIs, "bob@example.net"), same, []string{"bob@example.net"}, nil, nil},
		{"one more", under(asItIs, "bob@example.net", "eve@example.org"), same, []string{"bob@example.net"}, nil, []string{"eve@example.org"}},
		{"blind copies", under(asItIs, "bob@example.net"), func(m *mailer.Message) {
			m.Bcc = addresses([]string{"eve@example.org", "bob@example.net"})
		}, []string{"bob@example.net"}, nil, []string{"eve@example.org"}},
		{"a Bcc field that the envelope does not follow", under(replace("Subject", "Bcc: eve@example.org\r\nSubject"), "bob@example.net"), same,
			[]string{"bob@example.net"}, nil, nil},
		{"nobody shown", under(replace("To: bob@example.net\r\n", ""), "bob@example.net"), same, []string{"bob@example.net"}, nil, nil},
		{"nobody disclosed", under(replace("bob@example.net", "undisclosed-recipients:;"), "bob@example.net"), same, []string{"bob@example.net"}, nil, nil},
		{"a Bcc field alone", under(replace("To:", "Bcc:"), "bob@example.net"), same, []string{"bob@example.net"}, nil, nil},
		{"a copy", under(replace("Subject", "Cc: cid@example.net\r\nSubject"), "cid@example.net", "bob@example.net"), same,
			[]string{"bob@example.net"}, []string{"cid@example.net"}, nil},
		{"a domain in other letters", under(asItIs, "bob@EXAMPLE.net"), same, []string{"bob@example.net"}, nil, nil},
		{"an international domain", under(replace("bob@example.net", "bob@b\u00fccher.example"), "bob@xn--bcher-kva.example"), same,
			[]string{"bob@xn--bcher-kva.example"}, nil, nil},
		{"the author's return path", under(asItIs, "bob@example.net"), func(m *mailer.Message) {
			m.From.Address, m.ReturnPath = "other@example.com", "Ann@Example.com"
		}, []string{"bob@example.net"}, nil, nil},
	} {
		c.change(c.message)
		atEach(t, func(t *testing.T, a *api) {
			receipt, err := a.sender.Send(t.Context(), c.message)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			got := a.arrived()[0]
			for _, f := range []struct{ got, want []string }{{specs(got.to), c.to}, {specs(got.cc), c.cc}, {specs(got.bcc), c.bcc}} {
				if !slices.Equal(f.got, f.want) {
					t.Errorf("%s: %q, want %q", c.name, f.got, f.want)
				}
			}
			if got.from.Address != "ann@example.com" || !slices.Equal(addressesIn(receipt.Recipients), c.message.Recipients()) {
				t.Errorf("%s: from %v, receipt %+v", c.name, got.from, receipt.Recipients)
			}
		})
	}
}

func specs(list []mailer.Address) (all []string) {
	for _, a := range list {
		all = append(all, a.Address)
	}
	return all
}

// TestEnvelopeRefused: where the API would send to somebody else, or from somebody else, it sends nothing.
func TestEnvelopeRefused(t *testing.T) {
	toTwo := replace("bob@example.net", "bob@example.net, eve@example.org")
	for _, c := range []struct {
		why     string
		message *mailer.Message
		change  func(*mailer.Message)
	}{
		{"envelope", under(toTwo, "bob@example.net"), nil},
		{"envelope", under(asItIs, "eve@example.org"), nil},
		{"envelope", under(asItIs, "Bob@example.net"), nil}, // only their server knows whether that is bob
		{"envelope", under(toTwo, "bob@example.net", "eve@example.org"), func(m *mailer.Message) {
			narrow, err := mailer.Narrow(m, []string{"eve@example.org"})
			if err != nil {
				t.Fatal(err)
			}
			*m = *narrow
		}},
		{"return_path", under(asItIs, "bob@example.net"), func(m *mailer.Message) { m.From.Address = "bounces@example.com" }},
		{"return_path", under(asItIs, "bob@example.net"), func(m *mailer.Message) { m.ReturnPath = "<>" }},
		{"needs sender", under(replace("To:", "Sender: robot@example.com\r\nTo:"), "bob@example.net"), func(m *mailer.Message) {
			m.From.Address = "robot@example.com"
		}},
		{"without To", under(replace("To:", "Cc:"), "bob@example.net"), nil},
		{"without To", under(replace("bob@example.net", "undisclosed-recipients:;"), "bob@example.net", "eve@example.org"), nil},
		{"without To", under(replace("To: bob@example.net\r\n", ""), "bob@example.net", "eve@example.org"), nil},
		{"without a Subject", under(replace("Subject: A letter\r\n", ""), "bob@example.net"), nil},
		{"without a body", under(replace("Hello\r\n", ""), "bob@example.net"), nil},
		{"stands there twice", under(replace("Subject", "Subject: B\r\nSubject"), "bob@example.net"), nil},
		{"To[0] has a character before the @", under(replace("bob@", `"b ob"@`), "bob@example.net"), nil},
		{"utf8", under(replace("bob@", "zo\u00eb@"), "zo\u00eb@example.net"), nil},
	} {
		if c.change != nil {
			c.change(c.message)
		}
		atEach(t, func(t *testing.T, a *api) { a.checkUnfit(t, c.message, c.why) })
	}
}

func (a *api) checkUnfit(t *testing.T, m *mailer.Message, why string) {
	t.Helper()
	receipt, err := a.sender.Send(t.Context(), m)
	var e *mailer.SendError
	if receipt != nil || !errors.As(err, &e) || !errors.Is(err, mailer.ErrUnsupported) || errors.Is(err, mailer.ErrInvalidMessage) ||
		e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeMessage || !e.Elsewhere || !strings.Contains(err.Error(), why) {
		t.Errorf("got %v, want it refused because %q", err, why)
	}
	if len(a.arrived()) != 0 || a.conns() != 0 {
		t.Errorf("%s: %d messages arrived over %d connections", why, len(a.arrived()), a.conns())
	}
}

// TestUnreadable: what nobody can read is no matter of what the API takes.
func TestUnreadable(t *testing.T) {
	gone := errors.New("gone")
	atEach(t, func(t *testing.T, a *api) {
		m := under(asItIs, "bob@example.net")
		m.Raw = mailer.Opener(9, func() (io.ReadCloser, error) { return nil, gone })
		_, err := a.sender.Send(t.Context(), m)
		e := mailer.AsSendError(err)
		if !errors.Is(err, gone) || e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeCaller || e.Elsewhere || a.conns() != 0 {
			t.Errorf("got %v, %+v", err, e)
		}
	})
}

// TestResolve: the provider is asked for the message as it was handed to Send, whatever order the header has.
func TestResolve(t *testing.T) {
	atEach(t, func(t *testing.T, a *api) {
		m, err := mailer.Prepare(under(replace("bob@", "cid@EXAMPLE.net, bob@"), "eve@example.org", "bob@example.net", "cid@example.net"))
		if err != nil {
			t.Fatal(err)
		}
		a.lose()
		if _, err := a.sender.Send(t.Context(), m); !errors.Is(err, mailer.ErrUnknownOutcome) {
			t.Fatalf("got %v", err)
		}
		resolver, _ := mailer.Find[mailer.Resolver](a.sender)
		if got, err := resolver.Resolve(t.Context(), m); got != mailer.Accepted || err != nil {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// TestSpooled: a source that can be read once is enough.
func TestSpooled(t *testing.T) {
	atEach(t, func(t *testing.T, a *api) {
		m := under(asItIs, "bob@example.net")
		m.Raw = mailer.Reader(strings.NewReader(letter))
		if _, err := a.sender.Send(t.Context(), m); err != nil || a.arrived()[0].forms[0].text == "" {
			t.Errorf("got %v", err)
		}
	})
}
