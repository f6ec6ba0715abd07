package mailgun

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// FuzzForm: whatever a field holds, the form is refused, or reads as that one field with that value.
func FuzzForm(f *testing.F) {
	f.Add("v:a", "value", "file.txt")
	f.Add("v:a\"; filename=\"b", "--mailkeel-0123\r\n", "a\"b\\c")
	f.Add("h:X", "a\r\n--mailkeel-0123--\r\n", "\r\n")
	f.Fuzz(func(t *testing.T, name, value, fileName string) {
		form := newForm(endpointForm)
		form.lines(name, value)
		form.file("attachment", fileName, "text/plain", "", mailer.Bytes([]byte("x")))
		form.finish()
		if form.err != nil || name == "attachment" {
			return
		}
		got := parts(t, form)
		if len(got) != 2 || len(got[name]) != 1 || got[name][0] != "="+value || len(got["attachment"]) != 1 {
			t.Errorf("%q = %q, %q: got %q", name, value, fileName, got)
		}
		if want := fileName + "=x"; strings.ToValidUTF8(fileName, "") == fileName && got["attachment"][0] != want {
			t.Errorf("got %q, want %q", got["attachment"][0], want)
		}
	})
}

// FuzzReplies: no reply panics, no id is one that cannot be, and no wait is outside its bounds.
func FuzzReplies(f *testing.F) {
	f.Add(200, `{"id":"<1@example.com>","message":"Queued. Thank you."}`)
	f.Add(429, `{"message":"x, try again after Wed, 04 Mar 2026 05:07:07 GMT"}`)
	f.Add(429, `{"message":"x, try again after 1e9999 seconds"}`)
	f.Add(401, `Forbidden`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		r := &httpapi.Reply{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body), Whole: true}
		if id, ok := (replies{}).Accepted(r); ok != httpapi.IsID(id) || ok && status != 200 && status != 202 {
			t.Errorf("%d %q: %q, %t", status, body, id, ok)
		}
		if p := (replies{}).Problem(r); p.Wait < 0 || p.Wait > time.Hour || p.Verdict != nil && status != 400 {
			t.Errorf("%d %q: %+v", status, body, p)
		}
	})
}
