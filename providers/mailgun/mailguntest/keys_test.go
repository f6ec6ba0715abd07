package mailguntest

import (
	"net/http"
	"strings"
	"testing"
)

const otherDomain = "other.example.com"

func twoDomains() Config {
	return Config{Key: "account", Domains: []Domain{
		{Name: DefaultDomain, SendingKey: "sending"}, {Name: otherDomain, SendingKey: "others"},
	}}
}

// TestKeys is the matrix of keys and endpoints.
func TestKeys(t *testing.T) {
	contentType, form := encode(t, basic())
	mimeType, mimeBody := encode(t, mimeForm(simpleMIME))
	const invalid, forbidden = "Invalid private key", "Forbidden"
	for _, c := range []struct {
		method, path, refusal    string
		contentType              string
		body                     []byte
		account, sending, others int
	}{
		{http.MethodPost, messagesPath, forbidden, contentType, form, 200, 200, 403},
		{http.MethodPost, mimePath, forbidden, mimeType, mimeBody, 200, 200, 403},
		{http.MethodGet, "/v4/domains/" + DefaultDomain, invalid, "", nil, 200, 403, 403},
		{http.MethodGet, "/v3/domains/" + DefaultDomain, invalid, "", nil, 200, 403, 403},
		{http.MethodGet, "/v3/domains/" + DefaultDomain + "/sending_queues", invalid, "", nil, 200, 403, 403},
		{http.MethodGet, "/v3/" + DefaultDomain + "/events", forbidden, "", nil, 200, 403, 403},
	} {
		cfg := twoDomains()
		for key, want := range map[string]int{"account": c.account, "sending": c.sending, "others": c.others, "wrong": 401, "": 401} {
			for status, expected := range map[int]int{403: want, 0: strictly(want)} {
				cfg.SendingKeyStatus = status
				a := newService(cfg).handle(request(c.method, c.path, key, c.contentType, c.body))
				if a.Status != expected {
					t.Errorf("%s %s with key %q: got %d %s, want %d", c.method, c.path, key, a.Status, a.Body, expected)
				}
				if expected != 200 && textOf(a) != c.refusal {
					t.Errorf("%s %s with key %q: got %s, want %q", c.method, c.path, key, a.Body, c.refusal)
				}
			}
		}
	}
}

// strictly is the status of the default.
func strictly(status int) int {
	if status == http.StatusForbidden {
		return http.StatusUnauthorized
	}
	return status
}

func TestKeyForms(t *testing.T) {
	contentType, form := encode(t, basic())
	for name, authorization := range map[string]string{
		"none": "", "bearer": "Bearer account", "another user": "Basic YWNjb3VudDphY2NvdW50", "no base64": "Basic api:account",
	} {
		r := request(http.MethodPost, messagesPath, "", contentType, form)
		r.Header.Del("Authorization")
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		a := newService(twoDomains()).handle(r)
		if a.Status != 401 || string(a.Body) != "Forbidden" || a.Commit != nil {
			t.Errorf("%s: got %d %q", name, a.Status, a.Body)
		}
	}
}

// TestPaths: what is no endpoint gets a 200 that accepts nothing.
func TestPaths(t *testing.T) {
	contentType, form := encode(t, basic())
	for _, path := range []string{
		"/", "/v3", "/v3//messages", "/v3/messages", "/v4/" + DefaultDomain + "/messages", messagesPath + "/",
		"/v3/a%2Fb/messages", "/v3/a%2fb/messages", "/v3/a/b/messages", "/v3/%zz/messages", "/v3" + messagesPath,
	} {
		s := newService(Config{})
		wantReply(t, s.handle(request(http.MethodPost, path, s.cfg.Key, contentType, form)), 200, "Mailgun Magnificent API")
		if v := s.violated(); len(v) != 1 || !strings.Contains(v[0], path) {
			t.Errorf("%s: got violations %q", path, v)
		}
	}
	s := newService(Config{})
	wantReply(t, s.handle(request(http.MethodGet, messagesPath, s.cfg.Key, "", nil)), 200, "Mailgun Magnificent API")
}

// TestDomainsThatMayNotSend: a 400 with nothing wrong with the message.
func TestDomainsThatMayNotSend(t *testing.T) {
	for name, c := range map[string]struct {
		domain Domain
		status int
		text   string
	}{
		"active":                {Domain{State: Active}, 200, "Queued"},
		"unverified":            {Domain{State: Unverified}, 400, "is not allowed to send: The domain is unverified"},
		"disabled":              {Domain{State: Disabled}, 400, "is not allowed to send: "},
		"sandbox":               {Domain{Sandbox: true, Authorized: []string{"carol@example.org"}}, 400, "is not allowed to send: Sandbox subdomains are for test purposes only."},
		"sandbox, authorized":   {Domain{Sandbox: true, Authorized: []string{"Bob@example.org"}}, 200, "Queued"},
		"free":                  {Domain{Free: true}, 400, "is not allowed to send: Free accounts are for test purposes only."},
		"in the other region":   {Domain{Region: "eu"}, 404, "Domain not found: " + DefaultDomain},
		"in another upper case": {Domain{Name: strings.ToUpper(DefaultDomain)}, 200, "Queued"},
		"another name":          {Domain{Name: otherDomain}, 404, "Domain not found: " + DefaultDomain},
	} {
		t.Run(name, func(t *testing.T) {
			if c.domain.Name == "" {
				c.domain.Name = DefaultDomain
			}
			s := newService(Config{Domains: []Domain{c.domain}})
			wantReply(t, send(t, s, messagesPath, basic()), c.status, c.text)
			wantReply(t, send(t, s, mimePath, mimeForm(simpleMIME)), c.status, c.text)
		})
	}
}
