package mailgun

import (
	"context"
	"errors"
	"net/url"
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
	client := sender.(*Client)
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func TestOpen(t *testing.T) {
	const form = "mailgun://KEY@default?domain=mg.example.com"
	for s, check := range map[string]func(c Config) bool{
		form: func(c Config) bool {
			return c.BaseURL == "https://api.mailgun.net" && c.Name == "api.mailgun.net" && c.Domain == "mg.example.com" && revealed(c) == "KEY" &&
				c.MaxTags == 10 && c.MaxSchedule == 72*time.Hour && c.MaxMessageBytes == 25<<20 && !c.AllowPlaintext && !c.SendingKey
		},
		form + "&region=us":                                                func(c Config) bool { return c.BaseURL == "https://api.mailgun.net" },
		form + "&region=eu":                                                func(c Config) bool { return c.BaseURL == "https://api.eu.mailgun.net" },
		form + "&name=backup":                                              func(c Config) bool { return c.Name == "backup" },
		form + "&sending_key=true":                                         func(c Config) bool { return c.SendingKey },
		form + "&test_mode=true":                                           func(c Config) bool { return c.TestMode },
		form + "&resolve=true":                                             func(c Config) bool { return c.ResolveByEvents },
		form + "&strict=true":                                              func(c Config) bool { return c.Strict },
		form + "&treat_5xx_as_unknown=true":                                func(c Config) bool { return c.Treat5xxAsUnknown },
		form + "&http2=true":                                               func(c Config) bool { return c.HTTP2 },
		form + "&max_tags=3":                                               func(c Config) bool { return c.MaxTags == 3 },
		form + "&max_tags=-1":                                              func(c Config) bool { return c.MaxTags == -1 },
		form + "&max_schedule=168h":                                        func(c Config) bool { return c.MaxSchedule == 168*time.Hour },
		form + "&max_message_bytes=1000":                                   func(c Config) bool { return c.MaxMessageBytes == 1000 },
		form + "&max_conns=7":                                              func(c Config) bool { return c.MaxConns == 7 },
		form + "&timeout=3s":                                               func(c Config) bool { return c.Timeout == 3*time.Second },
		form + "&stall_timeout=4s":                                         func(c Config) bool { return c.StallTimeout == 4*time.Second },
		form + "&reply_timeout=5s":                                         func(c Config) bool { return c.ReplyTimeout == 5*time.Second },
		form + "&idle_timeout=6s":                                          func(c Config) bool { return c.IdleTimeout == 6*time.Second },
		"mailgun://a%3Ab@default?domain=mg.example.com":                    func(c Config) bool { return revealed(c) == "a:b" },
		"mailgun://KEY@gw.example.com?domain=mg.example.com":               func(c Config) bool { return c.BaseURL == "https://gw.example.com" && c.Name == "gw.example.com" },
		"mailgun://KEY@gw.example.com:8443?domain=mg.example.com":          func(c Config) bool { return c.BaseURL == "https://gw.example.com:8443" },
		"mailgun://KEY@[::1]?domain=mg.example.com":                        func(c Config) bool { return c.BaseURL == "https://[::1]" },
		"mailgun://KEY@[::1]:81?domain=mg.example.com&insecure=true":       func(c Config) bool { return c.BaseURL == "http://[::1]:81" && c.AllowPlaintext },
		"mailgun://KEY@localhost:81?domain=mg.example.com&insecure=true":   func(c Config) bool { return c.BaseURL == "http://localhost:81" },
		"mailgun://KEY@gw.example.com?domain=mg.example.com&insecure=true": nil, // not this machine
		"mailgun://KEY@default":                                            nil, // no domain
		"mailgun://default?domain=mg.example.com":                          nil, // no key
		"mailgun://a:b@default?domain=mg.example.com":                      nil,
		"mailgun://KEY@default:443?domain=mg.example.com":                  nil,
		form + "&insecure=true":                                            nil,
		form + "&region=asia":                                              nil,
		form + "&max_conns=-1":                                             nil,
		form + "&sandbox=true":                                             nil,
		form + "&resolve=yes":                                              nil,
		"mailgun://KEY@default?domain=mg.example.com%2F..":                 nil,
	} {
		if check == nil {
			if sender, err := (dsn.Mux{Schemes}).Open(t.Context(), s); err == nil || sender != nil {
				t.Errorf("%s: got %v, %v; want an error and nothing else", s, sender, err)
			}
			continue
		}
		if c := opened(t, s).cfg; !check(c) {
			t.Errorf("%s: got %+v", s, c)
		}
	}
}

func revealed(c Config) string {
	s, _ := c.Key.Secret(context.Background())
	return s.Reveal()
}

// TestConfigErrors: the error names the field, and never repeats what it holds.
func TestConfigErrors(t *testing.T) {
	good := Config{Key: mailer.NewSecret("hidden-key"), Domain: "mg.example.com"}
	for field, change := range map[string]func(c *Config){
		"Key is missing": func(c *Config) { c.Key = nil },
		"Key is empty":   func(c *Config) { c.Key = mailer.Secret{} },
		"Domain":         func(c *Config) { c.Domain = "" },
		"Region":         func(c *Config) { c.Region = "hidden" },
		"BaseURL":        func(c *Config) { c.BaseURL = "https://hidden@x" },
		"AllowPlaintext": func(c *Config) { c.BaseURL = "http://localhost" },
		"Timeout":        func(c *Config) { c.Timeout = -1 },
		"MaxConns":       func(c *Config) { c.MaxConns = -1 },
	} {
		cfg := good
		change(&cfg)
		_, err := New(cfg)
		if err == nil || !strings.HasPrefix(err.Error(), "mailgun: config: ") || !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: got %v", field, err)
		}
	}
	cfg := good
	cfg.Key = mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, errors.New("none yet") })
	if _, err := New(cfg); err != nil {
		t.Errorf("a source is not asked before it is needed: %v", err)
	}
}

// TestDomain: nothing that changes a path is a domain.
func TestDomain(t *testing.T) {
	for domain, want := range map[string]bool{
		"mg.example.com": true, "sandbox0123456789abcdef.mailgun.org": true, "xn--bcher-kva.example": true, "MG.Example.COM": true, "a.b": true,
		"": false, "localhost": false, "a/b.example.com": false, "a%2Fb.example.com": false, "a.example.com/": false, "..": false, "a..b": false,
		".example.com": false, "example.com.": false, "-a.example.com": false, "a-.example.com": false, "a_b.example.com": false, "ü.example.com": false,
		"a.example.com?x": false, "a.example.com#x": false, "a.example.com:80": false, "u@example.com": false, "a b.example.com": false,
		"a.example.com\r\n": false, strings.Repeat("a", 64) + ".com": false, strings.Repeat("a.", 127) + "com": false,
	} {
		if got := isDomain(domain); got != want {
			t.Errorf("%q: got %t", domain, got)
		}
		if escaped := url.PathEscape(domain); want && escaped != domain {
			t.Errorf("%q has to be escaped", domain)
		}
	}
}
