package acs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// canaryKey is an access key that no error and no printed value may show.
const canaryKey = "Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Kys/Pz8/Pz8="

// identity is what stands for the credential of an Identity.
type identity struct{ Identity }

func (identity) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, errors.New("nobody asks")
}

// entraMux knows auth= too. asked is what its credentials were made of.
func entraMux(asked *[]Identity) dsn.Mux {
	return dsn.Mux{SchemesWith(func(id Identity) (azcore.TokenCredential, error) {
		*asked = append(*asked, id)
		if id.ClientID == "nobody" {
			return nil, errors.New("there is no such identity")
		}
		return identity{id}, nil
	})}
}

// clientOf opens s, which is closed at the end of the test.
func clientOf(t *testing.T, mux dsn.Mux, s string) *Client {
	t.Helper()
	sender, err := mux.Open(t.Context(), s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	client, ok := mailer.Find[*Client](sender)
	if !ok {
		t.Fatalf("%s: got a %T", s, sender)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func keyText(t *testing.T, c Config) string {
	t.Helper()
	key, err := c.Key.Secret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key.Reveal()
}

func TestOpen(t *testing.T) {
	t.Setenv("ACS_KEY", canaryKey)
	t.Setenv("ACS_PORTAL", "endpoint=https://contoso.communication.azure.com/;accesskey="+canaryKey)
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(canaryKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const endpoint = "https://contoso.communication.azure.com"
	hasKey := func(c Config) bool { return c.Endpoint == endpoint && keyText(t, c) == canaryKey }
	for s, check := range map[string]func(Config) bool{
		"acs://contoso.communication.azure.com?key=" + canaryKey: func(c Config) bool {
			return hasKey(c) && c.Name == "contoso.communication.azure.com" && c.APIVersion == defaultVersion && c.MaxRecipients == 50 &&
				c.MaxRequestBytes == 10_000_000 && c.QuotaShare == 1 && c.ReplayWindow == 5*time.Minute && c.Wait == 0 && !c.Strict &&
				!c.AnyAttachmentType && !c.GuardMessageID && !c.Treat5xxAsUnknown && !c.AllowPlaintext
		},
		"acs://contoso.communication.azure.com?key=" + dsn.Escape(canaryKey):            hasKey,
		"acs://contoso.communication.azure.com?key=${ACS_KEY}":                          hasKey,
		"acs://contoso.communication.azure.com?key=${file:" + keyFile + "}":             hasKey,
		"acs://Contoso.Communication.Azure.com?key=" + canaryKey:                        func(c Config) bool { return keyText(t, c) == canaryKey },
		"endpoint=https://contoso.communication.azure.com/;accesskey=" + canaryKey:      hasKey,
		"Endpoint=https://contoso.communication.azure.com;AccessKey=" + canaryKey + ";": hasKey,
		"accesskey=" + canaryKey + ";endpoint=https://contoso.communication.azure.com/": hasKey,
		"${ACS_PORTAL}": hasKey,
		"failover(endpoint=https://contoso.communication.azure.com/;accesskey=" + canaryKey + ")": hasKey,
		"failover(${ACS_PORTAL})":                           hasKey,
		"acs://localhost:8080?insecure=true&key=${ACS_KEY}": func(c Config) bool { return c.Endpoint == "http://localhost:8080" && c.AllowPlaintext },
		"acs://[::1]:8080?insecure=true&key=${ACS_KEY}":     func(c Config) bool { return c.Endpoint == "http://[::1]:8080" },
		"acs://h:8443?key=${ACS_KEY}":                       func(c Config) bool { return c.Endpoint == "https://h:8443" && c.Name == "h" },
	} {
		if c := clientOf(t, dsn.Mux{Schemes}, s).cfg; !check(c) {
			t.Errorf("%s: got %+v", s, c)
		}
	}
}

// TestOpenParameters: each parameter is the field of Config that it is called after.
func TestOpenParameters(t *testing.T) {
	authority := filepath.Join(t.TempDir(), "ca.pem")
	certs := testcert.Must(t)
	if err := os.WriteFile(authority, certs.RootsPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"auth": true, "client_id": true, "insecure": true, "key": true} // with the other cases
	for parameter, check := range map[string]func(Config) bool{
		"ca_file=" + authority:        func(c Config) bool { return c.TLSConfig != nil && c.TLSConfig.RootCAs.Equal(certs.Roots) },
		"name=primary":                func(c Config) bool { return c.Name == "primary" },
		"strict=true":                 func(c Config) bool { return c.Strict },
		"timeout=3s":                  func(c Config) bool { return c.Timeout == 3*time.Second },
		"stall_timeout=4s":            func(c Config) bool { return c.StallTimeout == 4*time.Second },
		"reply_timeout=5s":            func(c Config) bool { return c.ReplyTimeout == 5*time.Second },
		"idle_timeout=6s":             func(c Config) bool { return c.IdleTimeout == 6*time.Second },
		"max_conns=7":                 func(c Config) bool { return c.MaxConns == 7 },
		"http2=true":                  func(c Config) bool { return c.HTTP2 },
		"treat_5xx_as_unknown=true":   func(c Config) bool { return c.Treat5xxAsUnknown },
		"scope=https://x.example//.d": func(c Config) bool { return c.Scope == "https://x.example//.d" },
		"api_version=2023-03-31":      func(c Config) bool { return c.APIVersion == oldVersion },
		"api_version=2025-09-01":      func(c Config) bool { return c.APIVersion == defaultVersion },
		"max_recipients=200":          func(c Config) bool { return c.MaxRecipients == 200 },
		"max_bytes=30000000":          func(c Config) bool { return c.MaxRequestBytes == 30_000_000 },
		"any_attachment=true":         func(c Config) bool { return c.AnyAttachmentType },
		"guard_message_id=true":       func(c Config) bool { return c.GuardMessageID },
		"replay_window=1h":            func(c Config) bool { return c.ReplayWindow == time.Hour },
		"replay_window=off":           func(c Config) bool { return c.ReplayWindow == 0 },
		"wait=20s":                    func(c Config) bool { return c.Wait == 20*time.Second },
		"quota=60/1000":               func(c Config) bool { return c.Quota == Quota{60, 1000} },
		"quota=none":                  func(c Config) bool { return c.Quota.PerMinute < 0 && c.Quota.PerHour < 0 },
		"quota_share=1/4":             func(c Config) bool { return c.QuotaShare == 4 },
		"quota_share=1/1":             func(c Config) bool { return c.QuotaShare == 1 },
	} {
		name, _, _ := strings.Cut(parameter, "=")
		known[name] = true
		if c := clientOf(t, dsn.Mux{Schemes}, "acs://h?key="+canaryKey+"&"+parameter).cfg; !check(c) {
			t.Errorf("%s: got %+v", parameter, c)
		}
	}
	for _, name := range Schemes[0].Params {
		if !known[name] {
			t.Errorf("the parameter %s has no case", name)
		}
	}
}

// TestOpenRefuses: what is wrong is an error that names it and shows no secret.
func TestOpenRefuses(t *testing.T) {
	for s, text := range map[string]string{
		"acs://h":                                                        "key nor auth",
		"acs://h?key=":                                                   "key",
		"acs://h?key=short":                                              "the access key",
		"acs://h?key=" + canaryKey[:20]:                                  "the access key has fewer than 16 bytes",
		"acs://h?key=" + canaryKey + "x":                                 "base64",
		"acs://default?key=" + canaryKey:                                 "default host",
		"acs://:443?key=" + canaryKey:                                    "host",
		"acs://" + canaryKey + "@h":                                      "parameter key",
		"acs://u:" + canaryKey + "@h?key=x":                              "parameter key",
		"acs://h/path?key=" + canaryKey:                                  "path",
		"acs://h?insecure=true&key=" + canaryKey:                         "machine",
		"acs://h?key=x&key=" + canaryKey:                                 "key",
		"acs://h?accesskey=" + canaryKey:                                 "unknown parameter",
		"acs://h?domain=d&key=" + canaryKey:                              "unknown parameter",
		"acs://h?auth=default&key=" + canaryKey:                          "key and auth",
		"acs://h?auth=default":                                           "providers",
		"acs://h?auth=managed-identity":                                  "providers",
		"acs://h?auth=none&key=" + canaryKey:                             "auth",
		"acs://h?client_id=a&key=" + canaryKey:                           "client_id",
		"acs://h?api_version=2024&key=" + canaryKey:                      "api_version",
		"acs://h?max_conns=-1&key=" + canaryKey:                          "max_conns",
		"acs://h?max_recipients=-1&key=" + canaryKey:                     "max_recipients",
		"acs://h?max_bytes=1MB&key=" + canaryKey:                         "max_bytes",
		"acs://h?wait=-1s&key=" + canaryKey:                              "wait",
		"acs://h?strict=1&key=" + canaryKey:                              "strict",
		"acs://h?quota=30&key=" + canaryKey:                              "30/100",
		"acs://h?quota=30/&key=" + canaryKey:                             "30/100",
		"acs://h?quota=0/100&key=" + canaryKey:                           "30/100",
		"acs://h?quota=30/100/1&key=" + canaryKey:                        "30/100",
		"acs://h?quota=30/0&key=" + canaryKey:                            "30/100",
		"acs://h?quota=-1/-1&key=" + canaryKey:                           "30/100",
		"acs://h?quota_share=4&key=" + canaryKey:                         "1/4",
		"acs://h?quota_share=2/4&key=" + canaryKey:                       "1/4",
		"acs://h?quota_share=1/0&key=" + canaryKey:                       "1/4",
		"acs://h?quota_share=1/-4&key=" + canaryKey:                      "1/4",
		"acs://h?replay_window=0s&key=" + canaryKey:                      "replay_window",
		"acs://h?replay_window=-1s&key=" + canaryKey:                     "replay_window",
		"acs://h?replay_window=soon&key=" + canaryKey:                    "replay_window",
		"acs://h?key=${file:/nowhere/at/all}":                            "key",
		"endpoint=http://h/;accesskey=" + canaryKey:                      "host",
		"endpoint=https://h/;accesskey=" + canaryKey + ";x=" + canaryKey: "host",
		"endpoint=https://h/x;accesskey=" + canaryKey:                    "host",
		"failover(acs://h acs://g?key=" + canaryKey + ")":                "member 1",
	} {
		sender, err := dsn.Mux{Schemes}.Open(t.Context(), s)
		if err == nil || sender != nil {
			t.Errorf("%s: got %v, %v; want an error and nothing else", s, sender, err)
			continue
		}
		if !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), canaryKey[:8]) {
			t.Errorf("%s: got %q, want it to name %q", s, err, text)
		}
	}
}

// TestOpenWithIdentity: auth= is whatever SchemesWith was given.
func TestOpenWithIdentity(t *testing.T) {
	const endpoint = "https://contoso.communication.azure.com"
	for _, c := range []struct {
		query string
		want  Identity
		scope string
	}{
		{"auth=managed-identity", Identity{Auth: "managed-identity", Endpoint: endpoint}, "https://communication.azure.com/.default"},
		{"auth=managed-identity&client_id=a-b", Identity{"managed-identity", "a-b", endpoint}, "https://communication.azure.com/.default"},
		{"auth=default", Identity{Auth: "default", Endpoint: endpoint}, "https://communication.azure.com/.default"},
		{"auth=default&scope=https://communication.azure.com//.default", Identity{Auth: "default", Endpoint: endpoint}, "https://communication.azure.com//.default"},
	} {
		var asked []Identity
		client := clientOf(t, entraMux(&asked), "acs://contoso.communication.azure.com?"+c.query)
		if len(asked) != 1 || asked[0] != c.want || client.cfg.Scope != c.scope || client.cfg.Key != nil {
			t.Errorf("%s: asked for %+v, scope %q", c.query, asked, client.cfg.Scope)
		}
	}
	for query, text := range map[string]string{
		"auth=default&client_id=a":               "AZURE_CLIENT_ID",
		"client_id=a":                            "client_id",
		"auth=managed-identity&client_id=nobody": "no such identity",
		"auth=managed-identity&key=" + canaryKey: "key and auth",
		"auth=password":                          "auth",
		"":                                       "key nor auth",
	} {
		var asked []Identity
		if sender, err := entraMux(&asked).Open(t.Context(), "acs://h?"+query); sender != nil || err == nil || !strings.Contains(err.Error(), text) ||
			strings.Contains(err.Error(), canaryKey) {
			t.Errorf("%s: got %v, %v; want an error about %s", query, sender, err, text)
		}
	}
	var asked []Identity
	if client := clientOf(t, entraMux(&asked), "acs://h?key="+canaryKey); keyText(t, client.cfg) != canaryKey || len(asked) != 0 {
		t.Errorf("a key: asked for %+v", asked)
	}
}

// TestScope: tokens are asked for where the cloud of the endpoint is.
func TestScope(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://contoso.communication.azure.com":        "https://communication.azure.com/.default",
		"https://contoso.communication.AZURE.us":         "https://communication.azure.us/.default",
		"https://azure.us.example.com":                   "https://communication.azure.com/.default",
		"https://contoso.europe.communication.azure.com": "https://communication.azure.com/.default",
	} {
		if got := scopeOf(endpoint); got != want {
			t.Errorf("%s: got %s, want %s", endpoint, got, want)
		}
	}
}

// TestConfigErrors: the error names the field.
func TestConfigErrors(t *testing.T) {
	for field, change := range map[string]func(*Config){
		"Endpoint is missing":                func(c *Config) { c.Endpoint = "" },
		"Key and Credential are missing":     func(c *Config) { c.Key = nil },
		"Key and Credential are both there":  func(c *Config) { c.Credential = identity{} },
		"the access key":                     func(c *Config) { c.Key = mailer.Secret{} },
		"the access key is not base64":       func(c *Config) { c.Key = mailer.NewSecret("canary?") },
		"APIVersion":                         func(c *Config) { c.APIVersion = "2021-10-01-preview" },
		"QuotaShare":                         func(c *Config) { c.QuotaShare = -1 },
		"MaxRecipients":                      func(c *Config) { c.MaxRecipients = -1 },
		"MaxRequestBytes":                    func(c *Config) { c.MaxRequestBytes = -1 },
		"Wait":                               func(c *Config) { c.Wait = -1 },
		"Timeout":                            func(c *Config) { c.Timeout = -1 },
		"MaxConns":                           func(c *Config) { c.MaxConns = -1 },
		"AllowPlaintext":                     func(c *Config) { c.Endpoint = "http://localhost" },
		"another machine":                    func(c *Config) { c.Endpoint, c.AllowPlaintext = "http://example.com", true },
		"Endpoint does not begin":            func(c *Config) { c.Endpoint = "ftp://x" },
		"Endpoint does not begin with https": func(c *Config) { c.Endpoint = "contoso.communication.azure.com" },
		"Endpoint is more":                   func(c *Config) { c.Endpoint = "https://contoso.communication.azure.com/emails" },
		"ParseConnectionString": func(c *Config) {
			c.Endpoint = "endpoint=https://contoso.communication.azure.com/;accesskey=" + canaryKey
		},
		"a line end is part of it": func(c *Config) { c.Key = mailer.NewSecret(canaryKey + "\n") },
	} {
		cfg := Config{Endpoint: "https://contoso.communication.azure.com", Key: mailer.NewSecret(canaryKey)}
		change(&cfg)
		client, err := New(cfg)
		if client != nil || err == nil || !strings.HasPrefix(err.Error(), "acs: config: ") || !strings.Contains(err.Error(), field) ||
			strings.Contains(fmt.Sprint(err), "canary") || strings.Contains(fmt.Sprint(err), canaryKey) {
			t.Errorf("got %v, %v; want an error about %s", client, err, field)
		}
	}
}
