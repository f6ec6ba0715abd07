package mailguntest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPageSize = 100
	maxPageSize     = 300
)

// An eventQuery is what GET /v3/{domain}/events asks for, and what the URL of a page says.
type eventQuery struct {
	Begin, End float64 // Unix seconds; no end when zero
	Ascending  bool
	Limit      int
	// Filters are the parameters that an event must have.
	Filters map[string]string
	// After is the index of the event that the page follows, or precedes where it goes Back. It is
	// -1 at the start of an ascending query, and the number of events at that of a descending one.
	After int
	Back  bool
}

type eventsReply struct {
	Items  []eventItem `json:"items"`
	Paging eventPaging `json:"paging"`
}

type eventPaging struct {
	Next     string `json:"next"`
	Previous string `json:"previous"`
}

// getEvents answers a query, or a page of one.
func (s *service) getEvents(c *call, d *Domain) Answer {
	s.mu.Lock()
	total := len(s.events.entries)
	s.mu.Unlock()
	q, err := parseEventQuery(c.Query, total)
	if c.page != "" {
		q, err = parsePage(c.page)
	}
	if err != nil {
		return Invalid(err.Error())
	}
	if id := q.Filters["message-id"]; id != withoutBrackets(id) {
		s.violate(c.Request, "events have the message-id without angle brackets; none has %q", id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := eventsReply{Items: []eventItem{}}
	indexes := s.events.page(&q, d.Name)
	for _, i := range indexes {
		reply.Items = append(reply.Items, s.events.entries[i].item)
	}
	base := s.base + "/v3/" + url.PathEscape(d.Name) + "/events/"
	reply.Paging = q.paging(base, indexes)
	return jsonAnswer(http.StatusOK, reply)
}

// page returns the indexes of the entries that the query asks for.
func (l *eventLog) page(q *eventQuery, domain string) []int {
	step := q.step()
	if q.Back {
		step = -step
	}
	var indexes []int
	for i := q.After + step; i >= 0 && i < len(l.entries) && len(indexes) < q.Limit; i += step {
		e := &l.entries[i]
		if e.domain == domain && !e.heldBack && !e.at.After(time.Now()) && q.wants(&e.item) {
			indexes = append(indexes, i)
		}
	}
	if q.Back {
		slices.Reverse(indexes)
	}
	return indexes
}

// step leads from an index to the next one.
func (q *eventQuery) step() int {
	if q.Ascending {
		return 1
	}
	return -1
}

func (q *eventQuery) wants(item *eventItem) bool {
	if item.Timestamp < q.Begin || q.End != 0 && item.Timestamp > q.End {
		return false
	}
	for name, want := range q.Filters {
		if !item.has(name, want) {
			return false
		}
	}
	return true
}

// has compares one filter, which is a plain value: expressions are not understood.
func (i *eventItem) has(name, want string) bool {
	switch name {
	case "tags":
		return slices.ContainsFunc(i.Tags, func(tag string) bool { return strings.EqualFold(tag, want) })
	case "attachment":
		return slices.ContainsFunc(i.Message.Attachments, func(a eventAttachment) bool { return a.Filename == want })
	case "message-id":
		return i.Message.Headers.MessageID == want
	case "to":
		return slices.Contains(strings.Split(i.Message.Headers.To, ", "), want)
	}
	value := map[string]string{
		"event": i.Event, "severity": i.Severity, "recipient": i.Recipient,
		"from": i.Message.Headers.From, "subject": i.Message.Headers.Subject,
	}[name]
	return strings.EqualFold(value, want)
}

// parseEventQuery reads the parameters; total is the number of events there are.
func parseEventQuery(query string, total int) (eventQuery, error) {
	q := eventQuery{Limit: defaultPageSize, Filters: map[string]string{}}
	values, err := url.ParseQuery(query)
	if err != nil {
		return q, refuse("unable to parse request: %v", err)
	}
	for name, list := range values {
		if len(list) > 1 {
			return q, refuse("%.80s parameter may come once only", name)
		}
		if err := q.set(name, list[0]); err != nil {
			return q, err
		}
	}
	// Without a direction, the order of the range says it.
	switch {
	case values.Has("begin") && !values.Has("end") && !values.Has("ascending"):
		return q, refuse("ascending parameter is missing")
	case !values.Has("ascending"):
		q.Ascending = values.Has("begin") && q.Begin < q.End
	}
	if q.End != 0 && q.Begin > q.End {
		q.Begin, q.End = q.End, q.Begin
	}
	q.After = total
	if q.Ascending {
		q.After = -1
	}
	return q, nil
}

func (q *eventQuery) set(name, value string) (err error) {
	switch name {
	case "begin":
		q.Begin, err = parseTime(value)
	case "end":
		q.End, err = parseTime(value)
	case "ascending":
		if value != "yes" && value != "no" {
			return refuse("ascending parameter is yes or no")
		}
		q.Ascending = value == "yes"
	case "limit":
		q.Limit, err = strconv.Atoi(value)
		if err != nil || q.Limit < 1 || q.Limit > maxPageSize {
			return refuse("limit parameter is between 1 and %d", maxPageSize)
		}
	case "event", "attachment", "from", "message-id", "subject", "to", "recipient", "tags", "severity":
		q.Filters[name] = value
	default:
		return refuse("%.80s parameter is not known", name)
	}
	return err
}

// parseTime takes epoch seconds or an RFC 2822 date.
func parseTime(s string) (float64, error) {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil {
		return seconds, nil
	}
	t, err := mail.ParseDate(s)
	if err != nil {
		return 0, refuse("%.80q is not an RFC-2822 compliant date", s)
	}
	return float64(t.Unix()), nil
}

// paging returns the URLs of the pages around that of the indexes. There always are some: the
// page after the last one is empty, until more has happened.
func (q *eventQuery) paging(base string, indexes []int) eventPaging {
	before, after := q.After+q.step(), q.After // around an empty page
	if q.Back {
		before, after = q.After, q.After-q.step()
	}
	if len(indexes) > 0 {
		before, after = indexes[0], indexes[len(indexes)-1]
	}
	return eventPaging{Next: base + q.segment(after, false), Previous: base + q.segment(before, true)}
}

// segment returns the last segment of the URL of a page.
func (q eventQuery) segment(after int, back bool) string {
	q.After, q.Back = after, back
	encoded, _ := json.Marshal(q) // plain data
	return base64.RawURLEncoding.EncodeToString(encoded)
}

func parsePage(segment string) (q eventQuery, err error) {
	decoded, err := base64.RawURLEncoding.DecodeString(segment)
	if err == nil {
		err = json.Unmarshal(decoded, &q)
	}
	if err != nil || q.Limit < 1 || q.Limit > maxPageSize {
		return q, refuse("page is not one of this API")
	}
	return q, nil
}
