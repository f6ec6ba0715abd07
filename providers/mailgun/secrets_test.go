package mailgun_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// TestPrinted: no way of printing a Config or a Client shows the key.
func TestPrinted(t *testing.T) {
	cfg := mailgun.Config{Key: mailer.NewSecret(secret), Domain: "mg.example.com"}
	client := newClient(t, cfg)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", cfg, "client", client, "key", cfg.Key)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", cfg, "client", client)
	asJSON, _ := json.Marshal(map[string]any{"client": client, "key": cfg.Key})
	for what, s := range map[string]string{
		"%v": fmt.Sprintf("%v %v", cfg, client), "%+v": fmt.Sprintf("%+v %+v", cfg, client), "%#v": fmt.Sprintf("%#v %#v", cfg, client),
		"JSON": string(asJSON), "slog": log.String(),
	} {
		hidden(t, what, s)
	}
}

// hidden looks for the key, in clear and as it goes over the wire.
func hidden(t *testing.T, what, s string) {
	t.Helper()
	for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte("api:" + secret))} {
		if strings.Contains(s, form) {
			t.Errorf("%s shows the key: %s", what, s)
		}
	}
}

// TestErrorsHide: no error of Send, Check or Resolve shows the key, an address or the body of a
// reply, whatever the server says.
func TestErrorsHide(t *testing.T) {
	const echo = "'ann@example.com' is not a valid address, key " + secret + "\r\nBcc: <b>x</b>"
	basic := base64.StdEncoding.EncodeToString([]byte("api:" + secret))
	faults := map[string]mailguntest.Fault{
		"invalid":       mailguntest.Reply(mailguntest.Invalid(echo)),
		"basic":         mailguntest.Reply(mailguntest.Invalid("got Basic " + basic)),
		"not allowed":   mailguntest.Reply(mailguntest.NotAllowedToSend("x", echo)),
		"unauthorized":  mailguntest.Reply(mailguntest.Unauthorized()),
		"not found":     mailguntest.Reply(mailguntest.DomainNotFound(echo)),
		"too large":     mailguntest.Reply(mailguntest.TooLarge()),
		"rate":          mailguntest.Reply(mailguntest.RateLimited(echo, echo)),
		"payment":       mailguntest.Reply(mailguntest.PaymentRequired()),
		"batches":       mailguntest.Reply(mailguntest.LargeBatchRefused(echo)),
		"server":        mailguntest.Reply(mailguntest.InternalError()),
		"unavailable":   mailguntest.Reply(mailguntest.Unavailable()),
		"gateway":       mailguntest.Reply(mailguntest.Gateway(502)),
		"page":          mailguntest.Reply(mailguntest.HTMLPage(403)),
		"accepted not":  mailguntest.Reply(mailguntest.Answer{Status: 200, Body: []byte(echo)}),
		"magnificent":   mailguntest.Reply(mailguntest.MagnificentAPI()),
		"lost":          {Kind: mailguntest.Withhold},
		"nonsense":      {Kind: mailguntest.Raw, RawReply: []byte(echo + "\r\n\r\n")},
		"echo as an id": mailguntest.Reply(mailguntest.Accepted("<" + secret + "@example.com>")),
	}
	asks := map[string]func(r *rig) (any, error){
		"Send":    func(r *rig) (any, error) { return r.client.Send(r.context(), simple()) },
		"Check":   func(r *rig) (any, error) { return nil, r.client.Check(r.context()) },
		"Resolve": func(r *rig) (any, error) { return r.client.Resolve(r.context(), prepared(r.t, simple())) },
	}
	for name, fault := range faults {
		for kind, ask := range asks {
			t.Run(kind+"/"+name, func(t *testing.T) {
				r := newRig(t, mailguntest.Config{}, func(c *mailgun.Config) { c.ResolveByEvents = true })
				r.server.Next(fault)
				result, err := ask(r)
				shown := fmt.Sprintf("%v %+v", err, result)
				var e *mailer.SendError
				if errors.As(err, &e) {
					full, _ := json.Marshal(e.Receipt)
					hidden(t, "receipt", string(full))
					shown += fmt.Sprintf(" %+v", e.Receipt.Attempts)
				}
				hidden(t, "error", shown)
				if err == nil {
					return
				}
				if text := err.Error(); strings.ContainsAny(text, "\r\n") || strings.Contains(text, "ann@") || strings.Contains(text, "<html") || len(text) > 600 {
					t.Errorf("got %q", text)
				}
			})
		}
	}
}
