package sendgridtest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// An entry is a message to one recipient, as the Email Logs API tells of it.
type entry struct {
	message *Message
	id      string // sg_message_id
	to      string
}

// entries returns all entries, the latest message first. An id begins with what
// X-Message-Id said, and a dot.
func (s *Server) entries() []entry {
	held, visible := s.Messages(), s.cfg.Now().Add(-s.cfg.LogsAfter)
	var all []entry
	for i := len(held) - 1; i >= 0; i-- {
		if held[i].Time.After(visible) {
			continue
		}
		for j, to := range held[i].Recipients() {
			id := fmt.Sprintf("%s.recvd-fake-%d.%d", held[i].ID, held[i].Index, j)
			all = append(all, entry{&held[i], id, to})
		}
	}
	return all
}

// status is as of a message that was taken and of which nothing else is known yet.
func (e entry) status() string { return "processed" }

func (e entry) createdAt() string { return e.message.Time.UTC().Format(time.RFC3339) }

const (
	defaultLogs = 10
	maxLogs     = 1000
)

// searchLogs is POST /v3/logs.
func (s *Server) searchLogs(r *Request, _ string) Answer {
	root, refusal, ok := body(r, logsShape())
	if !ok {
		return refusal
	}
	limit := defaultLogs
	if n, given := root["limit"]; given {
		limit, _ = strconv.Atoi(fmt.Sprint(n)) // has the shape of an integer
	}
	matches, err := parseQuery(root.text("query"))
	switch {
	case limit < 1 || limit > maxLogs:
		return BadRequest("limit")
	case err != nil:
		return Errors(http.StatusBadRequest, Error{Message: err.Error(), Field: "query"})
	}
	found := []map[string]any{} // null would be no list
	for _, e := range s.entries() {
		if matches(e) && len(found) < limit {
			found = append(found, e.summary())
		}
	}
	return encode(http.StatusOK, map[string]any{"messages": found})
}

func (e entry) summary() map[string]any {
	return map[string]any{
		"from_email": e.message.From.Email, "sg_message_id": e.id, "subject": e.message.Subject,
		"to_email": e.to, "status": e.status(), "sg_message_id_created_at": e.createdAt(),
	}
}

// getLog is GET /v3/logs/{sg_message_id}.
func (s *Server) getLog(_ *Request, id string) Answer {
	for _, e := range s.entries() {
		if e.id == id {
			return encode(http.StatusOK, e.detail())
		}
	}
	return NotFound()
}

func (e entry) detail() map[string]any {
	args := e.message.CustomArgs
	event := map[string]any{
		"event": "processed", "email": e.to, "sg_message_id": e.id, "sg_event_id": "event-" + e.id,
		"timestamp": e.message.Time.Unix(), "smtp-id": "<" + e.message.ID + "@fake>", "custom_args": args,
	}
	d := e.summary()
	delete(d, "sg_message_id_created_at")
	d["api_key_id"], d["client_ip"] = "fake", "127.0.0.1"
	d["custom_args"], d["category"], d["events"] = args, append([]string{}, e.message.Categories...), []any{event}
	return d
}
