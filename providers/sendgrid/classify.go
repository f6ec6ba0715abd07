package sendgrid

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
)

var _ httpapi.Replies = replies{}

// replies is what the API's replies mean.
type replies struct {
	// sandbox: the message was only to be checked.
	sandbox bool
	// withoutID takes an acceptance without a name for the message.
	withoutID bool
}

// Accepted implements [httpapi.Replies]. The specification has 202 without content, and nothing
// about the field X-Message-Id, which always comes in practice (HTTP rows 9 and 10). Sandbox
// mode answers 200.
func (s replies) Accepted(r *httpapi.Reply) (id string, ok bool) {
	id = r.Header.Get("X-Message-Id")
	switch {
	case isPage(r), id != "" && !httpapi.IsID(id):
		return "", false
	case s.sandbox && r.Status == http.StatusOK:
		return id, true
	}
	return id, r.Status == http.StatusAccepted && (id != "" || s.withoutID)
}

// isPage: a proxy or a captive portal answers for people to read.
func isPage(r *httpapi.Reply) bool {
	return len(r.Body) > 0 && mediaType(r) == "text/html"
}

// mediaType returns the media type of the body; empty where there is none that can be understood.
func mediaType(r *httpapi.Reply) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// Problem implements [httpapi.Replies].
//
// The specification (twilio/sendgrid-oai, tsg_mail_v3, responses of SendMail) documents the list of errors
// for 400, 401, 403, 404, 405, 413 and 500. That the same list under 503 is SendGrid's
// too is HTTP row 29; a 502 or 504 is a gateway's whatever its body says.
func (replies) Problem(r *httpapi.Reply) httpapi.Problem {
	list, ok := readErrors(r)
	p := httpapi.Problem{Own: ok, Text: list.text(), Verdict: list.verdict(r.Status)}
	if r.Status == http.StatusTooManyRequests && r.Header.Get("Retry-After") == "" {
		p.Wait = untilReset(r.Header, time.Now())
	}
	return p
}

// An entry is one of the errors in a reply. Field is a path in the request; null, the text "null"
// and nothing mean the whole of it. The help, which is a text, an object or null, is not read.
type entry struct {
	Message string  `json:"message"`
	Field   *string `json:"field"`
}

func (e *entry) field() string {
	if e.Field == nil || *e.Field == "null" {
		return ""
	}
	return *e.Field
}

type entries []entry

// readErrors reads the body that SendGrid documents for its errors, and reports whether r has it:
// a list in which each entry says something.
func readErrors(r *httpapi.Reply) (list entries, ok bool) {
	var reply struct {
		Errors entries `json:"errors"`
	}
	if !r.JSON(&reply) {
		return nil, false
	}
	mute := func(e entry) bool { return e.Message == "" }
	if len(reply.Errors) == 0 || slices.ContainsFunc(reply.Errors, mute) {
		return nil, false
	}
	return reply.Errors, true
}

// maxShown is how many errors a text names; there can be one for each field.
const maxShown = 4

func (l entries) text() string {
	var b strings.Builder
	for i := range l[:min(len(l), maxShown)] {
		if i > 0 {
			b.WriteString("; ")
		}
		if field := l[i].field(); field != "" {
			b.WriteString(field + ": ")
		}
		b.WriteString(l[i].Message)
	}
	return b.String()
}

// verdict is sharper than what the status says where the fields tell that another account could
// send the message, or nil.
func (l entries) verdict(status int) *ledger.Verdict {
	switch {
	case status == http.StatusForbidden && l.anyAbout("from"):
		return &ledger.SenderRefused
	case status == http.StatusBadRequest && l.allAbout("template_id", "asm", "ip_pool_name", "batch_id"):
		return &ledger.AccountRefused
	}
	return nil
}

func (e *entry) isAbout(fields ...string) bool {
	top, _, _ := strings.Cut(e.field(), ".")
	for _, field := range fields {
		if top == field {
			return true
		}
	}
	return false
}

func (l entries) anyAbout(fields ...string) bool {
	for i := range l {
		if l[i].isAbout(fields...) {
			return true
		}
	}
	return false
}

// allAbout: where something else is wrong too, the message would fail everywhere.
func (l entries) allAbout(fields ...string) bool {
	for i := range l {
		if !l[i].isAbout(fields...) {
			return false
		}
	}
	return len(l) > 0
}

// untilReset returns how long the limit of requests lasts, which X-RateLimit-Reset gives in
// seconds since 1970.
func untilReset(h http.Header, now time.Time) time.Duration {
	seconds, err := strconv.ParseInt(strings.TrimSpace(h.Get("X-RateLimit-Reset")), 10, 64)
	if err != nil || seconds <= 0 || seconds > maxUnix {
		return 0
	}
	return httpapi.Until(time.Unix(seconds, 0), h, now)
}

// maxUnix is the end of the year 9999. Beyond it durations would overflow.
const maxUnix = 253402300799
