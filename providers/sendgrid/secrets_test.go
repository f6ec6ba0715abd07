package sendgrid_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// printed returns v as everything that programs print with shows it.
func printed(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	if data, err := json.Marshal(v); err != nil {
		fmt.Fprintln(&b, err)
	} else {
		b.Write(data)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	return b.String()
}

func wantSilent(t *testing.T, what, text string, traces ...string) {
	t.Helper()
	for _, trace := range traces {
		if strings.Contains(text, trace) || strings.Contains(text, fmt.Sprintf("%x", trace)) {
			t.Errorf("%s shows %q: %.300s", what, trace, text)
		}
	}
}

// TestConfigIsSilent: neither a configuration nor a client shows the key.
func TestConfigIsSilent(t *testing.T) {
	_, client := start(t, sendgridtest.Config{}, nil)
	cfg := sendgrid.Config{Key: mailer.NewSecret(secret), BaseURL: "https://example.com"}
	wantSilent(t, "config", printed(cfg), secret, "horse")
	wantSilent(t, "pointer to config", printed(&cfg), secret, "horse")
	wantSilent(t, "client", printed(client), secret, "horse")
	wantSilent(t, "client by value", printed(*client), secret, "horse")
	_, err := dsn.Mux{sendgrid.Schemes}.Open(t.Context(), "sendgrid://"+secret+"@default?regoin=eu")
	wantSilent(t, "error of Open", printed(err), secret, "horse")
}

// TestErrorsAreSilent: whatever the service says, and however it repeats what it was sent, no error
// and no receipt shows the key, an address or a content.
func TestErrorsAreSilent(t *testing.T) {
	echo := `the key ` + secret + ` of ann@example.com may not send "Thank you" <b>`
	entry := sendgridtest.Error{Message: echo, Field: "personalizations.0.to.0.email", Help: echo}
	for code := 200; code < 600; code++ {
		if code > 206 && code < 300 || code > 308 && code < 400 || code > 451 && code < 500 || code > 511 || code == 204 || code == 205 || code == 304 {
			continue // no replies, or none with a body
		}
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			server, client := start(t, sendgridtest.Config{}, nil)
			for _, a := range []sendgridtest.Answer{
				sendgridtest.Errors(code, entry, entry),
				{Status: code, Body: []byte("<html>" + echo), Header: map[string][]string{"Content-Type": {"text/html"}}},
				header(sendgridtest.Errors(code, entry), "X-Message-Id", secret),
				header(sendgridtest.Errors(code, entry), "Location", "https://"+secret+"@example.com"),
			} {
				server.Next(sendgridtest.Reply(a))
				receipt, err := client.Send(t.Context(), simple())
				text := fmt.Sprint(err)
				wantSilent(t, "error", text, secret, "horse", "ann@example.com", "<html>")
				if strings.ContainsAny(text, "\r\n") {
					t.Errorf("the error has several lines: %q", text)
				}
				wantSilent(t, "receipt", printed(receipt), secret, "horse")
				if err != nil {
					wantSilent(t, "account", printed(mailer.AsSendError(err).Receipt), secret, "horse", "<html>")
				}
			}
		})
	}
}
