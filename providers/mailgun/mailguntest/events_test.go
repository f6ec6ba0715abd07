package mailguntest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

type eventsPage struct {
	Message string
	Items   []struct {
		Event, ID, Recipient, Severity, Reason string
		Timestamp                              float64
		LogLevel                               string `json:"log-level"`
		Reject                                 struct{ Reason string }
		DeliveryStatus                         struct{ Code int } `json:"delivery-status"`
		Message                                struct {
			Headers struct {
				To, From, Subject string
				MessageID         string `json:"message-id"`
			}
		}
	}
	Paging struct{ Next, Previous string }
}

func eventsURL(srv *mailguntest.Server, query string) string {
	return srv.URL() + "/v3/" + mailguntest.DefaultDomain + "/events?" + query
}

// names returns what the page tells, in its order.
func (p *eventsPage) names() string {
	var names []string
	for _, i := range p.Items {
		names = append(names, strings.TrimSuffix(i.Event+" "+strings.TrimSuffix(i.Recipient, "@example.org"), " "))
	}
	return strings.Join(names, ", ")
}

func ask(t testing.TB, srv *mailguntest.Server, query string) *eventsPage {
	t.Helper()
	return askURL(t, srv, eventsURL(srv, query))
}

func askURL(t testing.TB, srv *mailguntest.Server, u string) *eventsPage {
	t.Helper()
	var page eventsPage
	if status := get(t, srv, u, &page); status != 200 {
		t.Fatalf("%s: got %d %s", u, status, page.Message)
	}
	return &page
}

func add(t testing.TB, srv *mailguntest.Server, e mailguntest.Event) {
	t.Helper()
	if err := srv.AddEvent(e); err != nil {
		t.Fatal(err)
	}
}

// withEvents is a server that took two messages, the first of them to two recipients.
func withEvents(t testing.TB) (srv *mailguntest.Server, id string) {
	t.Helper()
	srv = mailguntest.Start(t, mailguntest.Config{})
	id = post(t, srv, "messages", append(smallest("one"), formPart{name: "cc", value: "carol@example.org"}, formPart{name: "o:tag", value: "red"}))
	post(t, srv, "messages", append(smallest("two"), formPart{"attachment", "x", "b.txt", "text/plain"}))
	add(t, srv, mailguntest.Event{Type: "delivered", MessageID: id, Recipient: "bob@example.org"})
	add(t, srv, mailguntest.Event{Type: "failed", MessageID: id, Recipient: "carol@example.org", Reason: "suppress-bounce", Code: 605})
	return srv, strings.Trim(id, "<>")
}

func TestEvents(t *testing.T) {
	srv, id := withEvents(t)
	of := "message-id=" + url.QueryEscape(id)
	now := time.Now().Unix()
	for name, c := range map[string]struct{ query, want string }{
		"newest first":        {"", "failed carol, delivered bob, accepted bob, accepted carol, accepted bob"},
		"of one message":      {of, "failed carol, delivered bob, accepted carol, accepted bob"},
		"ascending":           {of + "&ascending=yes", "accepted bob, accepted carol, delivered bob, failed carol"},
		"of one recipient":    {of + "&recipient=carol@example.org", "failed carol, accepted carol"},
		"of one type":         {of + "&event=accepted", "accepted carol, accepted bob"},
		"severity":            {of + "&severity=permanent", "failed carol"},
		"subject":             {"subject=two", "accepted bob"},
		"attachment":          {"attachment=b.txt", "accepted bob"},
		"tag":                 {"tags=RED&event=accepted", "accepted carol, accepted bob"},
		"from and to":         {of + "&from=ann@example.com&to=bob@example.org&event=failed", "failed carol"},
		"another message":     {"message-id=other@example.com", ""},
		"range":               {fmt.Sprintf("subject=two&begin=%d&end=%d", now-60, now+60), "accepted bob"},
		"range, newest first": {fmt.Sprintf("%s&event=accepted&begin=%d&end=%d", of, now+60, now-60), "accepted carol, accepted bob"},
		"range in dates":      {of + "&event=delivered&ascending=yes&begin=" + url.QueryEscape(time.Now().Add(-time.Hour).Format(time.RFC1123Z)), "delivered bob"},
		"range before":        {fmt.Sprintf("begin=%d&end=%d", now-120, now-60), ""},
		"limit":               {of + "&limit=1", "failed carol"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, srv, c.query).names(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if v := srv.Violations(); len(v) > 0 {
		t.Errorf("got violations %q", v)
	}
}

func TestEventDetails(t *testing.T) {
	srv, id := withEvents(t)
	add(t, srv, mailguntest.Event{Type: "rejected", MessageID: id, Reason: "Sandbox"})
	add(t, srv, mailguntest.Event{Type: "failed", MessageID: id, Recipient: "bob@example.org", Severity: "temporary", Code: 451})
	items := ask(t, srv, "ascending=no&limit=4").Items
	type detail struct {
		severity, reason, reject, level string
		code                            int
	}
	for n, want := range []detail{
		{"temporary", "generic", "", "warn", 451}, {"", "", "Sandbox", "warn", 0},
		{"permanent", "suppress-bounce", "", "error", 605}, {"", "", "", "info", 250},
	} {
		i := items[n]
		if got := (detail{i.Severity, i.Reason, i.Reject.Reason, i.LogLevel, i.DeliveryStatus.Code}); got != want {
			t.Errorf("%s: got %+v, want %+v", i.Event, got, want)
		}
		h := i.Message.Headers
		if h.MessageID != id || h.From != "ann@example.com" || h.To != "bob@example.org" || h.Subject != "one" || i.ID == "" {
			t.Errorf("%s: got %+v", i.Event, i)
		}
		if age := time.Since(time.UnixMicro(int64(i.Timestamp * 1e6))); age < -time.Second || age > time.Minute {
			t.Errorf("%s: happened %v ago", i.Event, age)
		}
	}
	if err := srv.AddEvent(mailguntest.Event{Type: "delivered", MessageID: "none@example.com"}); err == nil {
		t.Error("an event of no message was taken")
	}
}

func TestEventQueriesThatAreRefused(t *testing.T) {
	srv := mailguntest.Start(t, mailguntest.Config{})
	for query, want := range map[string]string{
		"limit=301":        "limit parameter is between 1 and 300",
		"limit=0":          "limit parameter is between 1 and 300",
		"begin=1":          "ascending parameter is missing",
		"begin=soon&end=2": "not an RFC-2822 compliant date",
		"ascending=true":   "ascending parameter is yes or no",
		"messageid=x":      "messageid parameter is not known",
		"event=a&event=b":  "event parameter may come once only",
		"event=%zz":        "unable to parse request",
	} {
		var page eventsPage
		if status := get(t, srv, eventsURL(srv, query), &page); status != 400 || !strings.Contains(page.Message, want) {
			t.Errorf("%s: got %d %q, want 400 with %q", query, status, page.Message, want)
		}
	}
	var page eventsPage
	if status := get(t, srv, srv.URL()+"/v3/"+mailguntest.DefaultDomain+"/events/nonsense", &page); status != 400 {
		t.Errorf("got %d for a page that is none", status)
	}
}

// TestBrackets: the id of the reply has angle brackets, that of the events has none.
func TestBrackets(t *testing.T) {
	srv, id := withEvents(t)
	if got := ask(t, srv, "message-id="+url.QueryEscape("<"+id+">")).names(); got != "" {
		t.Errorf("got %q", got)
	}
	if v := srv.Violations(); len(v) != 1 || !strings.Contains(v[0], "without angle brackets") {
		t.Errorf("got violations %q", v)
	}
}

// TestPages follows next to the empty page, and previous back.
func TestPages(t *testing.T) {
	srv, id := withEvents(t)
	for direction, want := range map[string][]string{
		"yes": {"accepted bob", "accepted carol", "delivered bob", "failed carol", ""},
		"no":  {"failed carol", "delivered bob", "accepted carol", "accepted bob", ""},
	} {
		page := ask(t, srv, "limit=1&ascending="+direction+"&message-id="+url.QueryEscape(id))
		got := []string{page.names()}
		for range len(want) - 1 {
			page = askURL(t, srv, page.Paging.Next)
			got = append(got, page.names())
		}
		if !slices.Equal(got, want) {
			t.Errorf("ascending=%s: got %q, want %q", direction, got, want)
		}
		for back := len(want) - 2; back >= 0; back-- {
			page = askURL(t, srv, page.Paging.Previous)
			if got := page.names(); got != want[back] {
				t.Errorf("ascending=%s: back at %d: got %q, want %q", direction, back, got, want[back])
			}
		}
		before := askURL(t, srv, page.Paging.Previous)
		if got := before.names() + askURL(t, srv, before.Paging.Next).names(); got != want[0] {
			t.Errorf("ascending=%s: got %q before the first page and after it", direction, got)
		}
	}
}

// TestOrderOfPreviousPage: a page is in the order of the query, from whatever side one comes.
func TestOrderOfPreviousPage(t *testing.T) {
	srv, id := withEvents(t)
	first := ask(t, srv, "limit=2&ascending=yes&message-id="+url.QueryEscape(id))
	second := askURL(t, srv, first.Paging.Next)
	if got := askURL(t, srv, second.Paging.Previous).names(); got != first.names() {
		t.Errorf("got %q, want %q", got, first.names())
	}
}

func TestHoldEvents(t *testing.T) {
	srv := mailguntest.Start(t, mailguntest.Config{})
	post(t, srv, "messages", smallest("before"))
	srv.HoldEvents()
	id := post(t, srv, "messages", smallest("while"))
	add(t, srv, mailguntest.Event{Type: "delivered", MessageID: id, Recipient: "bob@example.org"})
	if got := ask(t, srv, "").names(); got != "accepted bob" {
		t.Errorf("while held: got %q", got)
	}
	srv.ReleaseEvents()
	if got := ask(t, srv, "").names(); got != "delivered bob, accepted bob, accepted bob" {
		t.Errorf("released: got %q", got)
	}
}
