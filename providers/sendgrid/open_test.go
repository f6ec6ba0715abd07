package sendgrid

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

func opened(t *testing.T, s string) *Client {
	t.Helper()
	sender, err := dsn.Mux{Schemes}.Open(t.Context(), s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	client, ok := sender.(*Client)
	if !ok {
		t.Fatalf("%s: got a %T", s, sender)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func keyOf(t *testing.T, c Config) string {
	t.Helper()
	key, err := c.Key.Secret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key.Reveal()
}

func TestOpen(t *testing.T) {
	t.Setenv("SENDGRID_KEY", "SG.env")
	for s, check := range map[string]func(c Config) bool{
		"sendgrid://SG.a_b-c@default": func(c Config) bool {
			return c.BaseURL == "https://api.sendgrid.com" && keyOf(t, c) == "SG.a_b-c" && c.Name == "api.sendgrid.com"
		},
		"sendgrid://${SENDGRID_KEY}@default": func(c Config) bool { return keyOf(t, c) == "SG.env" },
		"sendgrid://k@default?region=eu": func(c Config) bool {
			return c.BaseURL == "https://api.eu.sendgrid.com" && c.Name == "api.eu.sendgrid.com"
		},
		"sendgrid://k@default?region=us":                       func(c Config) bool { return c.BaseURL == "https://api.sendgrid.com" },
		"sendgrid://k@default?region=global":                   func(c Config) bool { return c.BaseURL == "https://api.sendgrid.com" },
		"sendgrid://k@gateway.example.com:8443":                func(c Config) bool { return c.BaseURL == "https://gateway.example.com:8443" },
		"sendgrid://k@gateway.example.com":                     func(c Config) bool { return c.BaseURL == "https://gateway.example.com" },
		"sendgrid://k@localhost:80?insecure=true":              func(c Config) bool { return c.BaseURL == "http://localhost:80" && c.AllowPlaintext },
		"sendgrid://k@[::1]:80?insecure=true":                  func(c Config) bool { return c.BaseURL == "http://[::1]:80" },
		"sendgrid://k@[::1]?insecure=true":                     func(c Config) bool { return c.BaseURL == "http://[::1]" },
		"sendgrid://k@default?name=primary":                    func(c Config) bool { return c.Name == "primary" },
		"sendgrid://k@default?strict=true":                     func(c Config) bool { return c.Strict },
		"sendgrid://k@default?timeout=3s":                      func(c Config) bool { return c.Timeout == 3*time.Second },
		"sendgrid://k@default?stall_timeout=4s":                func(c Config) bool { return c.StallTimeout == 4*time.Second },
		"sendgrid://k@default?reply_timeout=5s":                func(c Config) bool { return c.ReplyTimeout == 5*time.Second },
		"sendgrid://k@default?idle_timeout=6s":                 func(c Config) bool { return c.IdleTimeout == 6*time.Second },
		"sendgrid://k@default?max_conns=7":                     func(c Config) bool { return c.MaxConns == 7 },
		"sendgrid://k@default?http2=true":                      func(c Config) bool { return c.HTTP2 },
		"sendgrid://k@default?treat_5xx_as_unknown=true":       func(c Config) bool { return c.Treat5xxAsUnknown },
		"sendgrid://k@default?sandbox=true":                    func(c Config) bool { return c.Sandbox },
		"sendgrid://k@default?resolve=true":                    func(c Config) bool { return c.ResolveByLogs },
		"sendgrid://k@default?accept_without_id=true":          func(c Config) bool { return c.AcceptWithoutID },
		"sendgrid://k@default?bare_names=true":                 func(c Config) bool { return c.BareNames },
		"sendgrid://default":                                   nil, // no key
		"sendgrid://u:k@default":                               nil,
		"sendgrid://@default":                                  nil,
		"sendgrid://k@default:443":                             nil,
		"sendgrid://k@default?insecure=true":                   nil,
		"sendgrid://k@gateway.example.com?insecure=true":       nil, // another machine
		"sendgrid://k@default?region=mars":                     nil,
		"sendgrid://k@default?max_conns=-1":                    nil,
		"sendgrid://k@default?sandbox=1":                       nil,
		"sendgrid://k@default?domain=example.com":              nil, // of another scheme
		"sendgrid://k@default?region=eu&region=eu":             nil,
		"sendgrid://${file:/nowhere/at/all/SG.canary}@default": nil,
	} {
		if check == nil {
			sender, err := dsn.Mux{Schemes}.Open(t.Context(), s)
			if err == nil || sender != nil {
				t.Errorf("%s: got %v, %v; want an error and nothing else", s, sender, err)
			}
			continue
		}
		if c := opened(t, s).cfg; !check(c) {
			t.Errorf("%s: got %+v", s, c)
		}
	}
}

// TestConfigErrors: the error names the field.
func TestConfigErrors(t *testing.T) {
	key := mailer.NewSecret("SG.canary")
	for field, cfg := range map[string]Config{
		"Key is missing": {}, "Key is empty": {Key: mailer.Secret{}}, "Region": {Key: key, Region: "mars"},
		"BaseURL": {Key: key, BaseURL: "ftp://x"}, "AllowPlaintext": {Key: key, BaseURL: "http://localhost"},
		"another machine": {Key: key, BaseURL: "http://example.com", AllowPlaintext: true},
		"Timeout":         {Key: key, Timeout: -1}, "MaxConns": {Key: key, MaxConns: -1},
	} {
		client, err := New(cfg)
		if client != nil || err == nil || !strings.HasPrefix(err.Error(), "sendgrid: config: ") || !strings.Contains(err.Error(), field) ||
			strings.Contains(err.Error(), "canary") {
			t.Errorf("got %v, %v; want an error about %s", client, err, field)
		}
	}
}
