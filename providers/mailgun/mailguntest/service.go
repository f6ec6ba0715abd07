package mailguntest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/internal/apifake"
)

// maxViolations bounds what a client gone wild can make the server keep.
const maxViolations = 1000

// A service is Mailgun without its network: every request that arrived whole has an answer.
type service struct {
	cfg Config

	mu         sync.Mutex
	base       string // of the URLs of pages
	messages   []Message
	events     eventLog
	violations []string
}

func newService(cfg Config) *service { return &service{cfg: cfg.withDefaults()} }

// A call is a request on its way through the service.
type call struct {
	*Request
	route  *route
	domain string // of the path
	page   string // of the path, for events
}

// A route is an endpoint.
type route struct {
	method string
	// path has {domain} and {page} for what varies.
	path []string
	// sends makes it an endpoint to which sending keys may go.
	sends bool
	// plain makes its refusals of a key plain text, and its 404 name the domain.
	plain bool
	serve func(*service, *call, *Domain) Answer
}

// routes returns the endpoints, more particular ones first.
func routes() []route {
	return []route{
		{http.MethodPost, []string{"v3", "{domain}", "messages"}, true, true, (*service).postMessages},
		{http.MethodPost, []string{"v3", "{domain}", "messages.mime"}, true, true, (*service).postMIME},
		{http.MethodGet, []string{"v4", "domains", "{domain}"}, false, false, (*service).getDomain},
		{http.MethodGet, []string{"v3", "domains", "{domain}"}, false, false, (*service).getDomain},
		{http.MethodGet, []string{"v3", "domains", "{domain}", "sending_queues"}, false, false, (*service).getQueues},
		{http.MethodGet, []string{"v3", "{domain}", "events"}, false, true, (*service).getEvents},
		{http.MethodGet, []string{"v3", "{domain}", "events", "{page}"}, false, true, (*service).getEvents},
	}
}

// handle is the [apifake.Handler] of the service.
func (s *service) handle(r *Request) Answer {
	c := match(r)
	if c == nil {
		s.violate(r, "%s %s is no path of the API", r.Method, r.Path)
		return MagnificentAPI()
	}
	if refused := s.checkKey(c); refused.Status != 0 {
		return refused
	}
	domain := s.cfg.domain(c.domain)
	switch {
	case domain == nil && c.route.plain:
		return DomainNotFound(c.domain)
	case domain == nil:
		return message(http.StatusNotFound, "Domain not found")
	}
	return c.route.serve(s, c, domain)
}

// match finds the route; nil means that there is none. An escaped slash is in no path.
func match(r *Request) *call {
	segments := strings.Split(strings.TrimPrefix(r.Path, "/"), "/")
	for i, escaped := range segments {
		segment, err := url.PathUnescape(escaped)
		if err != nil || segment == "" || strings.Contains(segment, "/") {
			return nil
		}
		segments[i] = segment
	}
	for _, candidate := range routes() {
		c := &call{Request: r, route: &candidate}
		if candidate.method == r.Method && slices.EqualFunc(candidate.path, segments, c.fits) {
			return c
		}
	}
	return nil
}

// fits compares one segment, and keeps it where the route has a name for it.
func (c *call) fits(want, segment string) bool {
	switch want {
	case "{domain}":
		c.domain = segment
	case "{page}":
		c.page = segment
	default:
		return want == segment
	}
	return true
}

// checkKey returns the refusal of the key, or the zero Answer.
func (s *service) checkKey(c *call) Answer {
	user, key, ok := (&http.Request{Header: c.Header}).BasicAuth()
	isSending := func(d Domain) bool { return d.SendingKey != "" && d.SendingKey == key }
	status := 0
	switch {
	case !ok || user != "api":
		status = http.StatusUnauthorized
	case key == s.cfg.Key:
	case !slices.ContainsFunc(s.cfg.Domains, isSending):
		status = http.StatusUnauthorized
	case !c.route.sends || !slices.ContainsFunc(s.cfg.Domains, func(d Domain) bool {
		return isSending(d) && strings.EqualFold(d.Name, c.domain)
	}):
		status = s.cfg.SendingKeyStatus
	}
	switch {
	case status == 0:
		return Answer{}
	case c.route.plain:
		return text(status, "Forbidden")
	}
	return message(status, "Invalid private key")
}

// violate records what a client did that the service takes, or answers, but no client should do.
func (s *service) violate(r *Request, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.violations) < maxViolations {
		s.violations = append(s.violations, fmt.Sprintf("request %d: ", r.Number)+fmt.Sprintf(format, args...))
	}
}

func (s *service) violated() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}

// serveAt says where the service is.
func (s *service) serveAt(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base = base
}

// hold makes m part of the truth.
func (s *service) hold(m *Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.AcceptedAt = time.Now()
	s.messages = append(s.messages, *m)
	for _, recipient := range m.Recipients {
		s.events.add(s.cfg.EventsDelay, m, Event{Type: "accepted", Recipient: recipient})
	}
}

// heldMessage returns the held message of that ID, with or without brackets, or nil. The caller has the lock.
func (s *service) heldMessage(id string) *Message {
	id = withoutBrackets(id)
	i := slices.IndexFunc(s.messages, func(m Message) bool { return withoutBrackets(m.ID) == id })
	if i < 0 {
		return nil
	}
	return &s.messages[i]
}

func withoutBrackets(id string) string {
	return strings.TrimSuffix(strings.TrimPrefix(id, "<"), ">")
}

// jsonAnswer is a reply with v as its body, which can be encoded.
func jsonAnswer(status int, v any) Answer {
	var body strings.Builder
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // an id has angle brackets
	if err := e.Encode(v); err != nil {
		return text(http.StatusInternalServerError, err.Error())
	}
	return apifake.JSON(status, body.String())
}

func message(status int, s string) Answer {
	return jsonAnswer(status, map[string]string{"message": s})
}

func text(status int, s string) Answer {
	return Answer{Status: status, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte(s)}
}
