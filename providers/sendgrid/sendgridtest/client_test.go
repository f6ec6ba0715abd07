package sendgridtest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// got is a reply.
type got struct {
	status int
	header http.Header
	body   string
}

// fields are those of the list of errors, "<null>" for null.
func (g got) fields(t *testing.T) []string {
	t.Helper()
	var list struct{ Errors []Error }
	if err := json.Unmarshal([]byte(g.body), &list); err != nil {
		t.Fatalf("%d %q: %v", g.status, g.body, err)
	}
	var fields []string
	for _, e := range list.Errors {
		field, ok := e.Field.(string)
		if !ok {
			field = "<null>"
		}
		fields = append(fields, field)
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

// call makes a request. Headers replace those that a good client sends, "" removes one.
func call(t *testing.T, s *Server, method, path, body string, headers map[string]string) got {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"Authorization": "Bearer " + s.Key(), "Accept": "application/json", "Content-Type": "application/json"}
	maps.Copy(all, headers)
	for name, value := range all {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got{resp.StatusCode, resp.Header, string(b)}
}

func send(t *testing.T, s *Server, body string) got {
	t.Helper()
	return call(t, s, http.MethodPost, "/v3/mail/send", body, nil)
}

const plain = `{
	"personalizations": [{"to": [{"email": "bob@example.org"}]}],
	"from": {"email": "ann@example.com"},
	"subject": "hello",
	"content": [{"type": "text/plain", "value": "hi"}]
}`

// with returns plain with other members at the top, and in its personalization; null removes one.
func with(t *testing.T, top, personalization string) string {
	t.Helper()
	var root map[string]json.RawMessage
	var list []map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(plain), &root))
	must(t, json.Unmarshal(root["personalizations"], &list))
	replace(t, list[0], personalization)
	root["personalizations"] = marshal(t, list)
	replace(t, root, top)
	return string(marshal(t, root))
}

func replace(t *testing.T, m map[string]json.RawMessage, by string) {
	t.Helper()
	var others map[string]json.RawMessage
	must(t, json.Unmarshal([]byte("{"+by+"}"), &others))
	for name, v := range others {
		m[name] = v
		if string(v) == "null" {
			delete(m, name)
		}
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
