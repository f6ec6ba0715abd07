package smtp_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// canary is the password of these tests, and what would give it away.
const canary = "c4n4ry-pass/word+"

func traces() []string {
	plain := base64.StdEncoding.EncodeToString([]byte("\x00app\x00" + canary))
	return []string{canary, base64.StdEncoding.EncodeToString([]byte(canary)), plain, "c4n4ry"}
}

// printed returns v as everything that programs print with shows it.
func printed(v any) map[string]string {
	forms := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		forms[verb] = fmt.Sprintf(verb, v)
	}
	if data, err := json.Marshal(v); err != nil {
		forms["JSON"] = err.Error()
	} else {
		forms["JSON"] = string(data)
	}
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&object, nil)).Info("x", "v", v)
	forms["slog text"], forms["slog JSON"] = text.String(), object.String()
	return forms
}

// wantSilent prints v in every way and looks for the password.
func wantSilent(t *testing.T, what string, v any) {
	t.Helper()
	for form, text := range printed(v) {
		for _, trace := range traces() {
			if strings.Contains(text, trace) || strings.Contains(text, fmt.Sprintf("%x", trace)) {
				t.Errorf("%s as %s shows the password: %.400s", what, form, text)
				return
			}
		}
	}
}

// TestConfigIsSilent is P18 for configurations and clients.
func TestConfigIsSilent(t *testing.T) {
	fixed := mailer.NewSecret(canary)
	for name, source := range map[string]mailer.SecretSource{
		"fixed": fixed, "function": mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return fixed, nil }),
	} {
		server := smtpfake.Start(t, withUsers(smtpfake.Config{Users: map[string]string{"app": canary}}))
		cfg := plaintext(tcpTo(server))
		cfg.Username, cfg.Password = "app", source
		wantSilent(t, name+" Config", cfg)
		wantSilent(t, name+" *Config", &cfg)
		client := must(smtp.New(cfg))
		_, _ = client.Send(t.Context(), newMessage(1))
		wantSilent(t, name+" Client in use", client)
		closeClient(t, client)
		wantSilent(t, name+" Client", client)
	}
}

// TestErrorsAreSilent is P18 for what a Send returns, on every row of the taxonomy.
func TestErrorsAreSilent(t *testing.T) {
	for _, c := range rowCases {
		t.Run(fmt.Sprintf("%d %s", c.row, c.name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := c.server
				server.Users = map[string]string{"app": canary}
				s := smtpfake.New(server)
				cfg := plaintext(pipeTo(s))
				if c.client != nil {
					c.client(&cfg)
				}
				cfg.Username, cfg.Password = "app", mailer.NewSecret(canary)
				client := must(smtp.New(cfg))
				defer closeAll(t, client, s)
				msg := newMessage(max(1, c.to))
				if c.msg != nil {
					c.msg(msg)
				}
				receipt, err := client.Send(t.Context(), msg)
				silentAccount(t, receipt, err)
			})
		})
	}
}

func silentAccount(t *testing.T, receipt *mailer.Receipt, err error) {
	t.Helper()
	wantSilent(t, "receipt", receipt)
	for e := err; e != nil; e = errors.Unwrap(e) {
		wantSilent(t, fmt.Sprintf("%T", e), e)
	}
	if e := mailer.AsSendError(err); e != nil {
		wantSilent(t, "SendError", *e)
		wantSilent(t, "the error's receipt", e.Receipt)
	}
}

// TestEchoedSecrets: a server may repeat what it was sent, in clear or encoded, in the
// answer to AUTH or in any later one.
func TestEchoedSecrets(t *testing.T) {
	for point, p := range map[string]smtpfake.Point{
		"AUTH": smtpfake.AUTH, "AUTHStep": smtpfake.AUTHStep, "MAIL": smtpfake.MAIL, "RCPT": smtpfake.RCPT,
		"DATA": smtpfake.DATA, "content": smtpfake.Content, "NOOP": smtpfake.NOOP,
	} {
		t.Run(point, func(t *testing.T) {
			for _, code := range []string{"535 5.7.8 ", "454 4.7.0 ", "250 2.0.0 queued as "} {
				for _, mechanism := range []string{"PLAIN", "LOGIN", "XOAUTH2"} {
					for _, trace := range traces()[:3] {
						synctest.Test(t, func(t *testing.T) { echo(t, p, code+trace, mechanism) })
					}
				}
			}
		})
	}
}

func echo(t *testing.T, p smtpfake.Point, text, mechanism string) {
	t.Helper()
	server := smtpfake.New(smtpfake.Config{
		Extensions: relay, Users: map[string]string{"app": canary}, AuthMechanisms: []string{mechanism},
		Hook: smtpfake.On(p, smtpfake.Action{Reply: text}),
	})
	cfg := plaintext(pipeTo(server))
	cfg.Username, cfg.Password, cfg.Auth = "app", mailer.NewSecret(canary), mechanism
	client := must(smtp.New(cfg))
	defer closeAll(t, client, server)
	receipt, err := client.Send(t.Context(), newMessage(1))
	silentAccount(t, receipt, err)
	if err := client.Check(t.Context()); err != nil {
		silentAccount(t, nil, err)
	}
}

// TestConnectionStringsAreSilent is P18 for what is wrong with connection strings.
func TestConnectionStringsAreSilent(t *testing.T) {
	password := strings.NewReplacer("/", "%2F", "+", "%2B").Replace(canary)
	mux := dsn.Mux{smtp.Schemes}
	for _, s := range []string{
		"smtp://app:PASS@", "smtp://app:PASS@host:99999", "smtp://app:PASS@ho st:1", "smtp://app:PASS@default",
		"smtp://app:PASS@host?auth=NONE", "smtp://app:PASS@host?nonsense=1", "smtp://app:PASS@host?timeout=x",
		"smtp+plaintext://app:PASS@mx.example.com:25", "smtp://:PASS@host", "smtq://app:PASS@host", "smtp://app:PASS@host?max_conns=-1",
		"smtp://app:PASS@host?auth=PASS", "smtp://app:PASS@host?local_name=PASS%20", "smtps://app:PASS@host",
	} {
		for _, pass := range []string{canary, password} {
			sender, err := mux.Open(t.Context(), strings.ReplaceAll(s, "PASS", pass))
			if err != nil {
				wantSilent(t, s, err)
				continue
			}
			wantSilent(t, s, sender)
		}
	}
}

// hostileStrings try to leave the place they are put into.
var hostileStrings = []string{
	"\r\nX-Injected: 1", "\nX-Injected: 1", "\rX-Injected: 1", "\r\n\r\nX-Injected: 1\r\n\r\n", "\x00X-Injected: 1",
	"a\r\n.\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<evil@example.org>\r\nDATA\r\nX-Injected: 1\r\n.\r\n",
	"\n.\nMAIL FROM:<evil@example.org>\n", "\r.\rRSET\r", ".\r\n", "> SIZE=1\r\nRCPT TO:<evil@example.org", "evil@example.org>,<x@example.org",
	"a@example.org> ORCPT=rfc822;x", "a b@example.org", "\"a\r\nRCPT TO:<evil@example.org>\"@example.org", "<evil@example.org>", "@evil.example.org:a@example.org",
	"=?utf-8?q?=0D=0AX-Injected:_1?=", "\u2028X-Injected: 1", "\u0085X-Injected: 1", "\xff\xfeX-Injected: 1", "\u202eevil", strings.Repeat("a", 100_000),
	"x\t\r\n X-Injected: 1", "\x7f", "\x1b[31m", "a@b@c", "", " ", "text/plain; charset=\"x\r\nX-Injected: 1\"", "../../etc/passwd", "\"", "\\",
}

// messageFields put a hostile string into every field of a message.
var messageFields = map[string]func(m *mailer.Message, s string){
	"From.Name":    func(m *mailer.Message, s string) { m.From.Name = s },
	"From":         func(m *mailer.Message, s string) { m.From.Address = s },
	"Sender":       func(m *mailer.Message, s string) { m.Sender = mailer.Address{Name: s, Address: s} },
	"Sender.Name":  func(m *mailer.Message, s string) { m.Sender = mailer.Address{Name: s, Address: "x@example.com"} },
	"To":           func(m *mailer.Message, s string) { m.To[0].Address = s },
	"To.Name":      func(m *mailer.Message, s string) { m.To[0].Name = s },
	"Cc":           func(m *mailer.Message, s string) { m.Cc = []mailer.Address{{Name: s, Address: s}} },
	"Bcc":          func(m *mailer.Message, s string) { m.Bcc = []mailer.Address{{Address: s}} },
	"Bcc.Name":     func(m *mailer.Message, s string) { m.Bcc = []mailer.Address{{Name: s, Address: "bcc@example.net"}} },
	"ReplyTo":      func(m *mailer.Message, s string) { m.ReplyTo = []mailer.Address{{Name: s, Address: s}} },
	"ReturnPath":   func(m *mailer.Message, s string) { m.ReturnPath = s },
	"Subject":      func(m *mailer.Message, s string) { m.Subject = s },
	"Text":         func(m *mailer.Message, s string) { m.Text = s },
	"HTML":         func(m *mailer.Message, s string) { m.HTML = s },
	"Header.Name":  func(m *mailer.Message, s string) { m.Headers.Add(s, "x") },
	"Header.Value": func(m *mailer.Message, s string) { m.Headers.Add("X-Custom", s) },
	"MessageID":    func(m *mailer.Message, s string) { m.MessageID = s },
	"Key":          func(m *mailer.Message, s string) { m.IdempotencyKey = s },
	"Unsubscribe":  func(m *mailer.Message, s string) { m.Unsubscribe.URL = s },
	"Mailto":       func(m *mailer.Message, s string) { m.Unsubscribe.Mailto = s },
	"Tag":          func(m *mailer.Message, s string) { m.Tags = []string{s} },
	"Metadata":     func(m *mailer.Message, s string) { m.Metadata = map[string]string{s: s} },
	"EnvelopeID":   func(m *mailer.Message, s string) { m.DSN.EnvelopeID = s },
	"Options":      func(m *mailer.Message, s string) { m.ProviderOptions = map[string]any{s: s} },
	"Template":     func(m *mailer.Message, s string) { m.Template = &mailer.Template{ID: s} },
	"Alternative": func(m *mailer.Message, s string) {
		m.Alternatives = []mailer.Alternative{{ContentType: s, Content: mailer.Bytes([]byte(s))}}
	},
	"Attachment": func(m *mailer.Message, s string) {
		m.Attachments = []mailer.Attachment{{Name: s, Content: mailer.Bytes([]byte(s))}}
	},
	"Attachment.CT": func(m *mailer.Message, s string) {
		m.Attachments = []mailer.Attachment{{Name: "a", ContentType: s, Content: mailer.Bytes(nil)}}
	},
	"ContentID": func(m *mailer.Message, s string) {
		m.Attachments = []mailer.Attachment{{Name: "a", ContentID: s, Content: mailer.Bytes(nil)}}
	},
	"Raw": func(m *mailer.Message, s string) {
		*m = mailer.Message{From: m.From, To: m.To, Raw: mailer.Bytes([]byte("Subject: x\r\n\r\n" + s))}
	},
}

// TestHostileFields: a hostile string is refused before any connection is made, or stays
// where it was put: one transaction, the recipients that were meant, no header field more.
func TestHostileFields(t *testing.T) {
	refused, sent := 0, 0
	for field, put := range messageFields {
		t.Run(field, func(t *testing.T) {
			for i, s := range hostileStrings {
				synctest.Test(t, func(t *testing.T) {
					server := smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions()})
					var dials atomic.Int64
					dial := pipeTo(server)
					client := must(smtp.New(plaintext(func(ctx context.Context, network, address string) (net.Conn, error) {
						dials.Add(1)
						return dial(ctx, network, address)
					})))
					defer closeAll(t, client, server)
					msg := newMessage(2)
					put(msg, s)
					receipt, err := client.Send(t.Context(), msg)
					if err != nil {
						refused++
						e := mailer.AsSendError(err)
						if e.Outcome != mailer.NotAccepted || dials.Load() != 0 || len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\r\n\x00") {
							t.Errorf("string %d: %v, %d connections, %.200q", i, e.Outcome, dials.Load(), err)
						}
						return
					}
					sent++
					staysInPlace(t, server, receipt, field)
				})
			}
		})
	}
	t.Logf("%d refused, %d sent", refused, sent)
	if refused == 0 || sent == 0 {
		t.Error("the strings are all refused or all legal")
	}
}

func staysInPlace(t *testing.T, server *smtpfake.Server, receipt *mailer.Receipt, field string) {
	t.Helper()
	for _, v := range server.Violations() {
		t.Errorf("violation: %v", v)
	}
	want := []string{"EHLO", "MAIL"}
	var meant []string
	for _, r := range receipt.Recipients {
		want = append(want, "RCPT")
		meant = append(meant, r.Address)
	}
	want = append(want, "BDAT")
	if got := verbsOf(server.Commands()); got != strings.Join(want, " ") {
		t.Errorf("commands %s, want %s", got, want)
	}
	messages := server.Messages()
	if len(messages) != 1 || !slices.Equal(messages[0].Addresses(), meant) || slices.Contains(meant, "evil@example.org") && field != "To" && field != "Cc" && field != "Bcc" {
		t.Errorf("%d messages, the first to %v, want %v", len(messages), messages[0].Addresses(), meant)
	}
	header, _, _ := bytes.Cut(messages[0].Data, []byte("\r\n\r\n"))
	for line := range bytes.Lines(header) {
		for _, injected := range []string{"X-Injected", "Bcc", "MAIL", "RCPT"} {
			if bytes.HasPrefix(line, []byte(injected)) {
				t.Errorf("header line %.100q", line)
			}
		}
	}
}
