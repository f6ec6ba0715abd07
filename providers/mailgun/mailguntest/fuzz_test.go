package mailguntest

import (
	"net/http"
	"testing"
)

// FuzzHandle: whatever comes gets a reply, and what is held has a sender and recipients.
func FuzzHandle(f *testing.F) {
	contentType, form := encode(f, basic("o:tag", "a", "h:X-A", "b", "recipient-variables", `{"a@example.com":{}}`))
	mimeType, mimeBody := encode(f, mimeForm(simpleMIME))
	f.Add(http.MethodPost, messagesPath, contentType, form)
	f.Add(http.MethodPost, mimePath, mimeType, mimeBody)
	f.Add(http.MethodPost, messagesPath, "application/x-www-form-urlencoded", []byte("from=a@example.com&to=b@example.org&subject=&text=x"))
	f.Add(http.MethodGet, "/v3/"+DefaultDomain+"/events?message-id=x&limit=1", "", []byte{})
	f.Add(http.MethodGet, "/v3/"+DefaultDomain+"/events/eyJMaW1pdCI6MX0", "", []byte{})
	f.Fuzz(func(t *testing.T, method, path, contentType string, body []byte) {
		s := newService(Config{})
		a := commit(s.handle(request(method, path, s.cfg.Key, contentType, body)))
		if a.Status < 200 || a.Status > 499 || len(a.Body) == 0 {
			t.Errorf("got %d %q", a.Status, a.Body)
		}
		for _, m := range s.held() {
			if len(m.Recipients) == 0 || m.From.Address == "" && m.Template == "" || withoutBrackets(m.ID) == "" {
				t.Errorf("held %+v", m)
			}
		}
	})
}

// FuzzParse: no message is understood in a way that loses its bytes.
func FuzzParse(f *testing.F) {
	f.Add([]byte(simpleMIME))
	f.Add([]byte("From: a@example.com\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-ID: <x>\nContent-Type: image/png\n\nx\n--b--\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := &Message{}
		if err := m.parse(raw); err == nil && (string(m.MIME) != string(raw) || m.From.Address == "") {
			t.Errorf("got %+v", m)
		}
	})
}
