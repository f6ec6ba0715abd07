package rawtest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// A carrier is a provider that takes raw messages as they are.
type carrier struct {
	sender mailer.Sender
	// last returns the message that arrived last and its envelope.
	last  func() (content []byte, recipients []string)
	count func() int
	// refuses says why it does not take a shape.
	refuses map[string]string
}

// invalid are the shapes that SMTP itself has no place for.
var invalid = map[string]string{
	"lone-cr":   "CR",
	"mbox-line": "header",
}

func overSMTP(t *testing.T) *carrier {
	t.Helper()
	server := smtpfake.Start(t, smtpfake.Config{Extensions: smtpfake.AllExtensions()})
	host, port, _ := net.SplitHostPort(server.Addr())
	number, _ := strconv.Atoi(port)
	client, err := smtp.New(smtp.Config{Host: host, Port: number, Security: smtp.Plaintext})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return &carrier{
		sender: client, refuses: invalid, count: func() int { return len(server.Messages()) },
		last: func() ([]byte, []string) {
			all := server.Messages()
			return all[len(all)-1].Data, all[len(all)-1].Addresses()
		},
	}
}

func overMailgun(t *testing.T) *carrier {
	t.Helper()
	server := mailguntest.Start(t, mailguntest.Config{Key: "key-0123456789"})
	client, err := mailgun.New(mailgun.Config{
		Key: mailer.NewSecret("key-0123456789"), Domain: mailguntest.DefaultDomain, BaseURL: server.URL(), AllowPlaintext: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return &carrier{
		sender: client, count: func() int { return len(server.Messages()) },
		refuses: map[string]string{
			"lone-cr": "CR", "mbox-line": "header",
			"headers-raw-utf8": "not ASCII", "headers-raw-latin1": "not ASCII",
			// The fake reads each message with the standard library, and answers 400 where that cannot.
			"base64-damaged": "400", "base64-footer": "400", "base64-odd-lines": "400", "quoted-printable-damaged": "400",
			"empty-parts": "400", "inner-delimiter-missing": "400", "no-last-delimiter": "400",
			"mailx": "400 from", "mailx-no-from": "400 from",
		},
		last: func() ([]byte, []string) {
			all := server.Messages()
			return all[len(all)-1].MIME, all[len(all)-1].Recipients
		},
	}
}

// TestByteForByte: what takes raw messages gets them with CRLF at the ends of lines and without Bcc, and
// otherwise as they are.
func TestByteForByte(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *carrier{"smtp": overSMTP, "mailgun": overMailgun} {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			for _, s := range corpus(t) {
				t.Run(s.name, func(t *testing.T) { c.check(t, s) })
			}
		})
	}
}

func (c *carrier) check(t *testing.T, s *shape) {
	before, m := c.count(), s.message()
	_, err := c.sender.Send(t.Context(), m)
	if why := c.refuses[s.name]; why != "" {
		var e *mailer.SendError
		if !errors.As(err, &e) || e.Outcome != mailer.NotAccepted || !strings.Contains(err.Error(), why) || c.count() != before {
			t.Errorf("got %v, want a refusal about %s", err, why)
		}
		return
	}
	if err != nil || c.count() != before+1 {
		t.Fatalf("%d messages, error %v", c.count()-before, err)
	}
	content, recipients := c.last()
	if want := onTheWire(s.raw); !bytes.Equal(content, want) {
		t.Errorf("got  %q\nwant %q", content, want)
	}
	if want := m.Recipients(); !slices.Equal(recipients, want) {
		t.Errorf("to %q, want %q", recipients, want)
	}
}

// onTheWire is raw as design decision 10 has it.
func onTheWire(raw []byte) []byte {
	var lines []string
	header, within := true, false
	text := strings.TrimSuffix(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
	for line := range strings.SplitSeq(text, "\n") {
		if header = header && line != ""; header {
			if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
				within = strings.EqualFold(line[:min(4, len(line))], "Bcc:")
			}
			if within {
				continue
			}
		}
		lines = append(lines, line)
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n")
}
