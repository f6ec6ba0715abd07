package acs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

const (
	portalHost = "contoso.communication.azure.com"
	portalKey  = "MDEyMzQ1Njc4OWFiY2+/ZjAxMjM0NTY3ODlhYmNkZQ=="
	portal     = "endpoint=https://" + portalHost + "/;accesskey=" + portalKey
)

func TestParseConnectionString(t *testing.T) {
	for _, s := range []string{
		portal,
		portal + ";",
		" \t" + portal + "\r\n",
		"endpoint=https://" + portalHost + ";accesskey=" + portalKey,
		"accesskey=" + portalKey + ";endpoint=https://" + portalHost + "/",
		"Endpoint=HTTPS://" + portalHost + "/;AccessKey=" + portalKey + ";",
		"ENDPOINT = https://" + portalHost + " ; ACCESSKEY = " + portalKey + " ;",
	} {
		endpoint, key, err := ParseConnectionString(s)
		if err != nil || endpoint != "https://"+portalHost || key.Reveal() != portalKey {
			t.Errorf("%q: got %q, %q, %v", s, endpoint, key.Reveal(), err)
		}
	}
}

func TestParseConnectionStringEndpoint(t *testing.T) {
	const (
		scheme = "the endpoint does not begin with https://"
		form   = "the endpoint is not https://, a host, and nothing but a port behind it"
	)
	for _, tt := range []struct{ endpoint, want, err string }{
		{"https://a.europe.communication.azure.com/", "https://a.europe.communication.azure.com", ""},
		{"https://localhost:8443/", "https://localhost:8443", ""},
		{"https://127.0.0.1:1", "https://127.0.0.1:1", ""},
		{"https://[::1]:65535/", "https://[::1]:65535", ""},
		{"https://[::1]", "https://[::1]", ""},
		{"https://my_host-1", "https://my_host-1", ""},
		{"http://host/", "", scheme},
		{"host.example.com", "", scheme},
		{"https:/host", "", scheme},
		{"https", "", scheme},
		{"https://", "", form},
		{"https:///", "", form},
		{"https://host//", "", form},
		{"https://host/path", "", form},
		{"https://host?a=b", "", form},
		{"https://host/?a=b", "", form},
		{"https://host#f", "", form},
		{"https://user@host", "", form},
		{"https://user:pass@host", "", form},
		{"https://host:", "", form},
		{"https://host:x", "", form},
		{"https://host:1:2", "", form},
		{"https://:443", "", form},
		{"https://::1", "", form},
		{"https://[fe80::1%25eth0]", "", form},
		{"https://[00]", "", form},
		{"https://[1.2.3.4]", "", form},
		{"https://-a", "", form},
		{"https://a-.b", "", form},
		{"https://" + strings.Repeat("a", 64), "", form},
		{"https://" + strings.Repeat("a.", 126) + "a", "https://" + strings.Repeat("a.", 126) + "a", ""},
		{"https://" + strings.Repeat("a.", 127), "", form},
		{"https://" + strings.Repeat("a.", 127) + "a", "", form},
		{"https://host:0443", "", form},
		{"https://a..b", "", form},
		{"https://.a", "", form},
		{"https://a.", "", form},
		{"https://hö.example", "", form},
		{"https://ho st", "", form},
		{"https://ho\nst", "", form},
		{"https://ho%41st", "", form},
		{"https://${HOST}", "", form},
		{"https://host:0", "", form},
		{"https://host:65536", "", form},
		{"https://host:99999", "", form},
	} {
		endpoint, key, err := ParseConnectionString("endpoint=" + tt.endpoint + ";accesskey=" + portalKey)
		if endpoint != tt.want || errorText(err) != tt.err || key.IsZero() != (tt.err != "") {
			t.Errorf("%q: got %q, %v", tt.endpoint, endpoint, err)
		}
	}
}

// errorText returns what an error of ParseConnectionString says behind its beginning.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	text, found := strings.CutPrefix(err.Error(), "acs: connection string: ")
	if !found {
		return "not of this package: " + text
	}
	return text
}

func TestParseConnectionStringErrors(t *testing.T) {
	const (
		endpoint  = "endpoint=https://" + portalHost + "/;"
		notBase64 = "the access key is not base64"
		space     = notBase64 + ": white space or a line end is part of it"
		short     = "the access key has fewer than 16 bytes: is all of it there?"
	)
	for _, tt := range []struct{ in, want string }{
		{"", "part 1 is neither endpoint=... nor accesskey=..."},
		{";", "part 1 is neither endpoint=... nor accesskey=..."},
		{"acs://host?key=" + portalKey, "part 1 is neither endpoint=... nor accesskey=..."},
		{endpoint, "no accesskey=... in it"},
		{"accesskey=" + portalKey, "no endpoint=... in it"},
		{endpoint + portalKey, "part 2 is neither endpoint=... nor accesskey=..."},
		{endpoint + ";accesskey=" + portalKey, "part 2 is neither endpoint=... nor accesskey=..."},
		{portal + ";;", "part 3 is neither endpoint=... nor accesskey=..."},
		{portal + ";from=a@example.com", "part 3 is neither endpoint=... nor accesskey=..."},
		{portal + ";senderAddress", "part 3 is neither endpoint=... nor accesskey=..."},
		{portal + ";accesskey=" + portalKey, "part 3 is a repetition"},
		{portal + ";ENDPOINT=https://other/", "part 3 is a repetition"},
		{endpoint + "accesskey", "part 2 is empty"},
		{endpoint + "accesskey= ", "part 2 is empty"},
		{"endpoint=;accesskey=" + portalKey, "part 1 is empty"},
		{portal + "&from=a@example.com", notBase64},
		{portal + "?from=a@example.com", notBase64},
		{endpoint + "accesskey=" + strings.TrimRight(portalKey, "="), notBase64},
		{endpoint + "accesskey=" + portalKey[:20] + "\r\n" + portalKey[20:], space},
		{endpoint + "accesskey=" + portalKey[:20] + " " + portalKey[20:], space},
		{endpoint + "accesskey=" + strings.NewReplacer("+", "-", "/", "_").Replace(portalKey), notBase64},
		{endpoint + "accesskey=" + keyOf(15), short},
		{endpoint + "accesskey=" + keyOf(16), ""},
	} {
		endpoint, key, err := ParseConnectionString(tt.in)
		if errorText(err) != tt.want {
			t.Errorf("%q: got %v, want %s", tt.in, err, tt.want)
		}
		if err != nil && (endpoint != "" || !key.IsZero()) {
			t.Errorf("%q: got %q, %q with an error", tt.in, endpoint, key.Reveal())
		}
	}
}

func keyOf(size int) string { return base64.StdEncoding.EncodeToString(make([]byte, size)) }

func TestRewrite(t *testing.T) {
	escaped := dsn.Escape(portalKey)
	for _, tt := range []struct {
		in, want string
		ok       bool
	}{
		{portal, "acs://" + portalHost + "?key=" + escaped, true},
		{" \n" + portal + ";\n", "acs://" + portalHost + "?key=" + escaped, true},
		{"AccessKey=" + portalKey + ";Endpoint=HTTPS://[::1]:8443/", "acs://[::1]:8443?key=" + escaped, true},
		{portal + "&from=a@b", "acs://" + portalHost + "?key=" + escaped + "%26from%3Da%40b", true},
		{"endpoint=https://" + portalHost, "acs://" + portalHost, true},
		{"accesskey=" + portalKey, "acs://default?key=" + escaped, true},
		{"endpoint=https://h/p;accesskey=" + portalKey, "acs://default?key=" + escaped, true},
		{portal + ";from=a@b", "acs://default", true},
		{"endpoint=", "acs://default", true},
		{"acs://" + portalHost + "?key=" + portalKey, "", false},
		{"smtp://u:accesskey=x;endpoint=https://h@h", "", false},
		{"endpoints=https://h", "", false},
		{"endpoint", "", false},
		{"", "", false},
	} {
		if own, ok := rewrite(tt.in); own != tt.want || ok != tt.ok {
			t.Errorf("%q: got %q, %v, want %q", tt.in, own, ok, tt.want)
		}
	}
}

// An opened is what the scheme below got to open.
type opened struct{ endpoint, key string }

func (opened) Send(context.Context, *mailer.Message) (*mailer.Receipt, error) { return nil, nil }

// portalMux opens what the portal shows, as far as rewrite and package dsn have a say in it.
var portalMux = dsn.Mux{{{
	Name: "acs", Form: "acs://HOST?key=BASE64", Params: []string{"key"}, Rewrite: rewrite,
	Open: func(ctx context.Context, u *dsn.URL) (mailer.Sender, error) {
		source := u.Params().Secret("key")
		if u.IsDefaultHost() {
			return nil, errors.New("no host")
		}
		if source == nil {
			return nil, errors.New("no key")
		}
		key, err := source.Secret(ctx)
		if err == nil {
			_, err = decodeKey(key.Reveal())
		}
		if err != nil {
			return nil, err
		}
		endpoint, err := u.HTTPBase(false)
		return opened{endpoint, key.Reveal()}, err
	},
}}}

func TestRewriteOpens(t *testing.T) {
	for _, form := range []string{portal, "  " + portal + ";\n"} {
		sender, err := portalMux.Open(t.Context(), form)
		if want := (opened{"https://" + portalHost, portalKey}); err != nil || sender != want {
			t.Errorf("%q: got %v, %v", form, sender, err)
		}
	}
	for _, composite := range []string{"failover(" + portal + ")", "weighted(2*" + portal + "; 1*acs://h?key=" + portalKey + ")"} {
		if _, err := portalMux.Open(t.Context(), composite); err != nil {
			t.Errorf("%q: %v", composite, err)
		}
	}
}

// The key may be kept elsewhere, as in every connection string, and adds nothing to it.
func TestRewriteKeepsReferences(t *testing.T) {
	t.Setenv("ACS_KEY", portalKey)
	t.Setenv("WRONG_KEY", portalKey+"&from=a@b")
	path := filepath.Join(t.TempDir(), "key&from=x")
	if err := os.WriteFile(path, []byte(portalKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	form := func(key string) string { return "endpoint=https://" + portalHost + "/;accesskey=" + key }
	for _, key := range []string{"${ACS_KEY}", "${file:" + path + "}", "${ACS_KEY};"} {
		sender, err := portalMux.Open(t.Context(), form(key))
		if want := (opened{"https://" + portalHost, portalKey}); err != nil || sender != want {
			t.Errorf("%q: got %v, %v", key, sender, err)
		}
		if _, err := portalMux.Open(t.Context(), "failover("+form(key)+" acs://h?key="+portalKey+")"); err != nil {
			t.Errorf("%q in a composite: %v", key, err)
		}
	}
	for key, want := range map[string]string{
		"${WRONG_KEY}":         "the access key is not base64",
		"${ACS_KEY}&from=a@b":  "the access key is not base64",
		"${ACS_KEY}${ACS_KEY}": "the access key is not base64",
		"${ACS_KEY":            "the access key is not base64",
		"${NO_SUCH_KEY}":       "parameter \"key\": environment variable NO_SUCH_KEY is not set",
	} {
		sender, err := portalMux.Open(t.Context(), form(key))
		if err == nil || err.Error() != "connection string: "+want {
			t.Errorf("%q: got %v, %v, want %s", key, sender, err, want)
		}
	}
}

// Whatever is wrong with a portal's string, the error says so without showing any of it.
func TestRewriteOpensNothingMalformed(t *testing.T) {
	const missingHost = "no host"
	for _, tt := range []struct{ in, want string }{
		{"endpoint=http://h/;accesskey=" + portalKey, missingHost},
		{"endpoint=https://h/p;accesskey=" + portalKey, missingHost},
		{"endpoint=https://user:" + portalKey + "@h;accesskey=" + portalKey, missingHost},
		{"endpoint=https://default/x;accesskey=" + portalKey, missingHost},
		{"accesskey=" + portalKey, missingHost},
		{"accesskey=" + portalKey + ";endpoint=", missingHost},
		{"accesskey=" + portalKey + ";" + portalKey, missingHost},
		{portal + ";from=a@b", missingHost},
		{portal + ";" + portal, missingHost},
		{"endpoint=https://h/", "no key"},
		{portal + "&from=a@b", "the access key is not base64"},
		{portal + "\n&from=a@b", "the access key is not base64: white space or a line end is part of it"},
		{portal + portalKey, "the access key is not base64"},
		{"endpoint=https://h/;accesskey=" + portalKey[:8], "the access key has fewer than 16 bytes: is all of it there?"},
		{"failover(" + portal + "&from=a@b)", "member 1: the access key is not base64"},
	} {
		sender, err := portalMux.Open(t.Context(), tt.in)
		if err == nil || err.Error() != "connection string: "+tt.want {
			t.Errorf("%q: got %v, %v, want %s", tt.in, sender, err, tt.want)
		}
	}
}

// FuzzConnectionString: whatever surrounds a key, no error shows it, neither that of
// ParseConnectionString nor that of opening the string; and what the one takes, the other
// opens with the same result.
func FuzzConnectionString(f *testing.F) {
	const secret = "qzxjkQZXJKqzxjkQZXJKqzxj" // is base64, and could pass for any name
	for _, seed := range [][2]string{
		{"endpoint=https://h/;accesskey=", ""},
		{"endpoint=https://h/;accesskey=", ";"},
		{"accesskey=", ";endpoint=https://h:8443/"},
		{"AccessKey=", "&from=a@b;Endpoint=https://[::1]"},
		{"endpoint=https://h/;", ""},
		{"endpoint=https://h/;", "="},
		{"endpoint=https://", "/;accesskey=MDEyMzQ1Njc4OWFiY2RlZg=="},
		{"endpoint=https://h:", ";accesskey="},
		{"endpoint=", "://h/;accesskey=${"},
		{"", "=x;endpoint=https://h"},
		{"endpoint=https://h/;accesskey=", "\x00%zz"},
		{"endpoint=https://h/;accesskey=a;accesskey=", "(x)"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		s := before + secret + after
		if strings.Contains(s, "${") || strings.Contains(before+after, secret[:5]) {
			t.Skip() // files are not the fuzzer's to choose, and what shows must be the secret
		}
		endpoint, key, err := ParseConnectionString(s)
		if shown := fmt.Sprint(err); strings.Contains(strings.ToLower(shown), secret[:5]) {
			t.Errorf("%q: shown as %s", s, shown)
		}
		if _, ok := rewrite(s); !ok {
			return // another form, which is for the tests of package dsn
		}
		sender, openErr := portalMux.Open(t.Context(), s)
		if shown := fmt.Sprint(openErr); strings.Contains(strings.ToLower(shown), secret[:5]) {
			t.Errorf("%q: opening it is shown as %s", s, shown)
		}
		isDefault := strings.HasPrefix(endpoint, "https://default") // which has a meaning of its own in package dsn
		if want := (opened{endpoint, key.Reveal()}); err == nil && !isDefault && sender != want {
			t.Errorf("%q: got %v, %v, want %v", s, sender, openErr, want)
		}
		if err != nil && openErr == nil {
			t.Errorf("%q: opened, but %v", s, err)
		}
	})
}
