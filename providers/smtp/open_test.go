package smtp

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer/dsn"
)

func open(t *testing.T, s string) *Client {
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
	for s, check := range map[string]func(c Config) bool{
		"smtp://mx.example.com":                   func(c Config) bool { return c.Security == STARTTLS && c.Port == 587 && c.Password == nil },
		"smtps://mx.example.com":                  func(c Config) bool { return c.Security == ImplicitTLS && c.Port == 465 },
		"smtp://mx.example.com:2525":              func(c Config) bool { return c.Port == 2525 },
		"smtp+plaintext://localhost":              func(c Config) bool { return c.Security == Plaintext && !c.AllowPlaintext },
		"smtp+plaintext://[::1]:25":               func(c Config) bool { return c.Host == "::1" && c.Port == 25 },
		"smtp://u:p%40ss@mx.example.com":          func(c Config) bool { return c.Username == "u" && revealed(c) == "p@ss" },
		"smtp://h?auth=login":                     nil, // Auth needs credentials
		"smtp://u:p@h?auth=scram-sha-256-plus":    func(c Config) bool { return c.Auth == "SCRAM-SHA-256-PLUS" },
		"smtp://h?timeout=3s":                     func(c Config) bool { return c.Timeout == 3*time.Second },
		"smtp://h?stall_timeout=4s":               func(c Config) bool { return c.StallTimeout == 4*time.Second },
		"smtp://h?reply_timeout=5s":               func(c Config) bool { return c.ReplyTimeout == 5*time.Second },
		"smtp://h?idle_timeout=6s":                func(c Config) bool { return c.IdleTimeout == 6*time.Second },
		"smtp://h?max_conns=7":                    func(c Config) bool { return c.MaxConns == 7 },
		"smtp://h?max_messages=-1":                func(c Config) bool { return c.MaxMessagesPerConn == -1 },
		"smtp://h?max_conns=-1":                   nil,
		"smtp://h?local_name=app.example.com":     func(c Config) bool { return c.LocalName == "app.example.com" },
		"smtp://h?chunking=false":                 func(c Config) bool { return c.DisableChunking },
		"smtp://h?one_flight=true":                func(c Config) bool { return c.OneFlight },
		"smtp://h?strict=true":                    func(c Config) bool { return c.Strict },
		"smtp://h?name=primary":                   func(c Config) bool { return c.Name == "primary" },
		"smtp://mx.example.com?name=":             nil,
		"smtp://default":                          nil,
		"smtp://h?allow_plaintext=true":           nil, // of smtp+plaintext alone
		"smtp+plaintext://h":                      nil,
		"smtp+plaintext://h?allow_plaintext=true": func(c Config) bool { return c.AllowPlaintext },
		"smtp://u@h":                              nil,
	} {
		if check == nil {
			if sender, err := (dsn.Mux{Schemes}).Open(t.Context(), s); err == nil || sender != nil {
				t.Errorf("%s: got %v, %v; want an error and nothing else", s, sender, err)
			}
			continue
		}
		if c := open(t, s).cfg; !check(c) {
			t.Errorf("%s: got %+v", s, c)
		}
	}
}

func revealed(c Config) string {
	secret, _ := c.Password.Secret(context.Background())
	return secret.Reveal()
}

// The defaults are what the documentation says.
func TestDefaults(t *testing.T) {
	c := open(t, "smtp://mx.example.com").cfg
	if c.Name != "mx.example.com" || c.Timeout != 15*time.Second || c.StallTimeout != 30*time.Second ||
		c.ReplyTimeout != 2*time.Minute || c.IdleTimeout != 45*time.Second || c.MaxConns != 8 || c.MaxMessagesPerConn != 100 {
		t.Errorf("got %+v", c)
	}
	if c.TLSConfig.ServerName != "mx.example.com" || c.TLSConfig.MinVersion < 0x0303 || c.TLSConfig.InsecureSkipVerify {
		t.Errorf("TLS: name %q, version %#x", c.TLSConfig.ServerName, c.TLSConfig.MinVersion)
	}
}

func TestNewNamesTheField(t *testing.T) {
	for field, cfg := range map[string]Config{
		"Host":           {},
		"Port":           {Host: "h", Port: 70000},
		"Security":       {Host: "h", Security: 9},
		"AllowPlaintext": {Host: "h", Security: Plaintext},
		"Username":       {Host: "h", Username: "u"},
		"Auth":           {Host: "h", Auth: "NTLM"},
		"Timeout":        {Host: "h", Timeout: -1},
		"MaxConns":       {Host: "h", MaxConns: -1},
		"LocalName":      {Host: "h", LocalName: "a b"},
	} {
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
}
