package sendertest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// checkSecrets searches everything that Send returned.
func (s *scene) checkSecrets(r *result) {
	s.Helper()
	if len(s.Secrets) == 0 {
		return
	}
	s.searchSecrets("the error", r.err)
	s.searchSecrets("the receipt", r.account())
}

// searchSecrets searches all printed forms of v.
func (s *scene) searchSecrets(what string, v any) {
	s.Helper()
	encoded, _ := json.Marshal(v) // where it cannot be encoded it shows nothing
	for _, text := range []string{fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%q", v), string(encoded)} {
		for _, secret := range s.Secrets {
			if form := leak(text, secret); form != "" {
				s.broke(rule(12), "%s shows a secret, %s", what, form)
			}
		}
	}
}

// leak names the form in which text holds secret, or returns "".
func leak(text, secret string) string {
	forms := []struct{ name, value string }{
		{"in clear", secret},
		{"in base64", strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "=")},
		{"in base64 for URLs", strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(secret)), "=")},
		{"in hexadecimal", hex.EncodeToString([]byte(secret))},
		{"escaped for a query", url.QueryEscape(secret)},
		{"escaped for a path", url.PathEscape(secret)},
		{"quoted", strings.Trim(fmt.Sprintf("%q", secret), `"`)},
	}
	for _, form := range forms {
		if strings.Contains(text, form.value) {
			return form.name
		}
	}
	return ""
}
