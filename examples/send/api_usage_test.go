package main

import (
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/providers"
)

// A bad connection string ends in one line that shows no secret, and nothing is sent.
func TestBadAPIConnectionStrings(t *testing.T) {
	const domain = "domain=mg.example.com"
	for s, want := range map[string]string{
		"sendgrid://KEY@default?region=mars":                                  "region",
		"mailgun://KEY@default?" + domain + "&region=mars":                    "region",
		"mailgun://KEY@default":                                               "domain) is missing",
		"mailgun://KEY@default?domain=":                                       "domain",
		"mailgun://KEY@default?domain=mg.example.com/messages":                "domain",
		"sendgrid://KEY@api.example.com:8080?insecure=true":                   "another machine",
		"mailgun://KEY@api.example.com:8080?" + domain + "&insecure=true":     "another machine",
		"sendgrid://KEY@default?insecure=true":                                "insecure",
		"mailgun://KEY@default?" + domain + "&insecure=true":                  "insecure",
		"sendgrid://default":                                                  "no key",
		"sendgrid://@default":                                                 "is empty",
		"mailgun://default?" + domain:                                         "no key",
		"mailgun://@default?" + domain:                                        "is empty",
		"sendgrid://apikey:KEY@default":                                       "only a key",
		"mailgun://api:KEY@default?" + domain:                                 "only a key",
		"sendgrid://KEY@default?nonsense=KEY":                                 "nonsense",
		"mailgun://KEY@default?" + domain + "&nonsense=KEY":                   "nonsense",
		"sendgrid://KEY@default?timeout=KEY":                                  "timeout",
		"mailgun://KEY@default?" + domain + "&" + domain:                      "domain",
		"sendgrid://KEY@":                                                     "host",
		"sendgrid://${file:/nonexistent/key}@default":                         "file",
		"sendgrid://KEY@default?ca_file=/nonexistent":                         "ca_file",
		"sendgird://KEY@default":                                              "known are",
		"mailgun://KEY@default?" + domain + "&max_conns=-1":                   "max_conns",
		"sendgrid://KEY@127.0.0.1:1?insecure=maybe":                           "insecure",
		"mailgun://KEY@default?" + domain + "&treat_5xx_as_unknown=sometimes": "treat_5xx_as_unknown",
		"acs://h.example.com":                                                 "neither the parameter key nor auth",
		"acs://h.example.com?key=":                                            "key",
		"acs://h.example.com?key=KEY":                                         "base64",
		"acs://default?key=KEY":                                               "no default host",
		"acs://KEY@h.example.com":                                             "before the host",
		"acs://h.example.com?auth=KEY":                                        "auth",
		"acs://h.example.com?auth=default&key=KEY":                            "one of them",
		"acs://h.example.com?key=KEY&client_id=x":                             "client_id",
		"acs://h.example.com?key=KEY&quota=KEY":                               "quota",
		"acs://h.example.com?key=KEY&quota_share=KEY":                         "quota_share",
		"acs://h.example.com?key=KEY&replay_window=KEY":                       "replay_window",
		"acs://h.example.com?key=KEY&api_version=2019":                        "api_version",
		"acs://h.example.com?nonsense=KEY&key=KEY":                            "unknown parameter",
		"acs://h.example.com?key=KEY&key=KEY":                                 "key",
		"acs://h.example.com:8080?key=BASE64&insecure=true":                   "another machine",
		"endpoint=https://h.example.com/":                                     "neither the parameter key nor auth",
		"endpoint=https://h.example.com/;accesskey=":                          "endpoint=https://contoso",
		"endpoint=https://h.example.com/;accesskey=KEY":                       "base64",
		"endpoint=http://h.example.com/;accesskey=KEY":                        "endpoint=https://contoso",
		"accesskey=KEY;endpoint=https://h.example.com/x":                      "endpoint=https://contoso",
		`"endpoint=https://h.example.com/;accesskey=KEY"`:                     "quotation mark",
		"acs://h.example.com?auth=msi":                                        "is not one of managed-identity, default",
		"failover(acs://h.example.com?key=KEY mailgun://KEY@default)":         "base64",
		"failover(sendgrid://KEY@default mailgun://KEY@default)":              "domain",
		"failover(sendgrid://KEY@default sendgrid://KEY@default)":             "same name",
		"failover(sendgrid://KEY@default":                                     "missing )",
		"failover(sendgrid://KEY@default)?delivery=KEY":                       "delivery",
		"failover(sendgrid://KEY@default)?nonsense=KEY":                       "nonsense",
		"fallback(sendgrid://KEY@default)":                                    "failover",
		"failover()":                                                          "no members",
	} {
		t.Run(s, func(t *testing.T) {
			_, wait := start(t, strings.NewReplacer("KEY", apiKey, "BASE64", accessKey).Replace(s), canary, envelope("bob@example.org")...)
			got := wait()
			if got.code != exitUsage || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 || !strings.HasPrefix(got.stderr, "send: ") {
				t.Errorf("exit status %d\nstdout: %s\nstderr: %s", got.code, got.stdout, got.stderr)
			}
			if !strings.Contains(got.stderr, want) || strings.Contains(got.stderr, "anary-") || strings.Contains(got.stderr, "anary+") {
				t.Errorf("standard error %q, want %q and no secret", got.stderr, want)
			}
		})
	}
}

// Help and the error about an unknown scheme name every scheme there is.
func TestSchemesAreNamed(t *testing.T) {
	help := call(t, "", "", "-h").stderr
	unknown := call(t, "gopher://host", "", envelope("bob@example.org")...).stderr
	for _, schemes := range providers.Mux() {
		for _, s := range schemes {
			if !strings.Contains(help, "\n  "+s.Form+"\n") || s.Form == "" {
				t.Errorf("help does not show %q", s.Form)
			}
			if !strings.Contains(unknown, s.Name) {
				t.Errorf("the error does not name %s: %s", s.Name, unknown)
			}
		}
	}
	for _, form := range []string{"sendgrid://", "mailgun://", "acs://", "failover(A B)", "roundrobin(A B)", "weighted(3*A B)"} {
		if !strings.Contains(help, form) {
			t.Errorf("help does not show %s", form)
		}
	}
}
