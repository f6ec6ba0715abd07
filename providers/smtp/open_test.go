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

// What the presets fill in, and what stays the string's.
func TestOpenPreset(t *testing.T) {
	type opened struct {
		host           string
		port           int
		user, password string
		auth           string
		maxConns       int
	}
	const user = "contoso|11111111-1111|22222222-2222"
	for s, want := range map[string]opened{
		"acs+smtp://" + user + ":s3cr+t/=@default":                {"smtp.azurecomm.net", 587, user, "s3cr+t/=", "", 8},
		"acs+smtp://contoso.1111.2222:p@default":                  {"smtp.azurecomm.net", 587, "contoso.1111.2222", "p", "", 8},
		"acs+smtp://app@example.com:p@default?auth=xoauth2":       {"smtp.azurecomm.net", 587, "app@example.com", "p", "XOAUTH2", 8},
		"acs+smtp://u:p@relay.example.com":                        {"relay.example.com", 587, "u", "p", "", 8},
		"m365+smtp://app@example.com:t@default":                   {"smtp.office365.com", 587, "app@example.com", "t", "XOAUTH2", 3},
		"m365+smtp://u:t@default?auth=xoauth2&max_conns=1":        {"smtp.office365.com", 587, "u", "t", "XOAUTH2", 1},
		"m365+smtp://u:p@default?auth=login":                      {"smtp.office365.com", 587, "u", "p", "LOGIN", 3},
		"m365+smtp://u:t@[::1]:2525":                              {"::1", 2525, "u", "t", "XOAUTH2", 3},
		"mailgun+smtp://postmaster@mg.example.com:p@default":      {"smtp.mailgun.org", 587, "postmaster@mg.example.com", "p", "", 8},
		"mailgun+smtp://u:p@default?region=us":                    {"smtp.mailgun.org", 587, "u", "p", "", 8},
		"mailgun+smtp://u:p@default?region=eu":                    {"smtp.eu.mailgun.org", 587, "u", "p", "", 8},
		"mailgun+smtp://u:p@smtp.mailgun.org:2525":                {"smtp.mailgun.org", 2525, "u", "p", "", 8},
		"sendgrid+smtp://SG.key@default":                          {"smtp.sendgrid.net", 587, "apikey", "SG.key", "", 8},
		"sendgrid+smtp://SG.key@default?region=eu&auth=plain":     {"smtp.eu.sendgrid.net", 587, "apikey", "SG.key", "PLAIN", 8},
		"sendgrid+smtp://SG.key@relay.example.com:25?max_conns=9": {"relay.example.com", 25, "apikey", "SG.key", "", 9},
	} {
		c := open(t, s).cfg
		got := opened{c.Host, c.Port, c.Username, revealed(c), c.Auth, c.MaxConns}
		if got != want || c.Security != STARTTLS || c.AllowPlaintext || c.TLSConfig.ServerName != c.Host || c.Name != c.Host {
			t.Errorf("%s: got %+v, want %+v; security %v, TLS name %s, name %s", s, got, want, c.Security, c.TLSConfig.ServerName, c.Name)
		}
	}
}

// The parameters that all schemes of this package take are those of the presets too.
func TestOpenPresetParameters(t *testing.T) {
	c := open(t, "sendgrid+smtp://K@default?name=n&timeout=1s&stall_timeout=2s&reply_timeout=3s&idle_timeout=4s"+
		"&max_messages=5&local_name=app.example.com&chunking=false&one_flight=true&strict=true").cfg
	if c.Name != "n" || c.Timeout != time.Second || c.StallTimeout != 2*time.Second || c.ReplyTimeout != 3*time.Second || c.IdleTimeout != 4*time.Second ||
		c.MaxMessagesPerConn != 5 || c.LocalName != "app.example.com" || !c.DisableChunking || !c.OneFlight || !c.Strict {
		t.Errorf("got %+v", c)
	}
}

func TestOpenPresetRefuses(t *testing.T) {
	const (
		both = "a user and a password are needed: the form is "
		own  = "known are auth, ca_file, chunking, from, idle_timeout, local_name, max_conns, max_messages, name, one_flight, "
	)
	for s, want := range map[string]string{
		"acs+smtp://default":                             both + "acs+smtp://RESOURCE.APPLICATION.TENANT:${SECRET}@default",
		"acs+smtp://u@default":                           both,
		"acs+smtp://:p@default":                          "user: is empty",
		"m365+smtp://app@example.com@default":            both + "m365+smtp://app@example.com:${file:TOKEN}@default",
		"m365+smtp://u@default?auth=xoauth2":             both,
		"mailgun+smtp://relay.example.com:25":            both,
		"sendgrid+smtp://default":                        "no key before an @: the form is sendgrid+smtp://KEY@default",
		"sendgrid+smtp://apikey:K@default":               "only a key stands before the @",
		"acs+smtp://u:p@default:25":                      "the host default takes no port",
		"sendgrid+smtp://K@default:2525":                 "the host default takes no port",
		"mailgun+smtp://u:p@default?region=ap":           `parameter "region": is not one of us, eu`,
		"mailgun+smtp://u:p@smtp.mailgun.org?region=eu":  "region goes with the host default alone",
		"mailgun+smtp://u:p@smtp.mailgun.org?region=ap":  `parameter "region": is not one of us, eu`,
		"mailgun+smtp://u:p@h?domain=d":                  `unknown parameter "domain": ` + own + "region, reply_timeout, stall_timeout, strict, timeout",
		"acs+smtp://u:p@default?region=eu":               `unknown parameter "region": ` + own + "reply_timeout, stall_timeout, strict, timeout",
		"m365+smtp://u:p@default?auth=xoauth2&auth=a":    `repeated parameter "auth": ` + own,
		"sendgrid+smtp://K@localhost?allow_plaintext=no": `unknown parameter "allow_plaintext": ` + own,
		"m365+smtp://u:p@default?auth=ntlm":              "Auth is not one of",
	} {
		sender, err := dsn.Mux{Schemes}.Open(t.Context(), s)
		if err == nil || sender != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v; want an error with %q and nothing else", s, sender, err, want)
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
