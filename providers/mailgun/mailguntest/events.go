package mailguntest

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// An Event says what became of a held message.
type Event struct {
	// Type is what Mailgun calls it: "delivered", "failed", "rejected", "opened" and others. "accepted" comes
	// by itself, for every recipient of every held message.
	Type string
	// MessageID is the ID of the message, with or without angle brackets.
	MessageID string
	// Recipient is whom it is about; a rejected event has none.
	Recipient string
	// Severity of a failed event is "permanent", which empty means, or "temporary".
	Severity string
	// Reason is the reason of a failed or rejected event, such as "suppress-bounce".
	Reason string
	// Code and Description are the delivery-status of a delivered or failed event; zero
	// means 250 and 550.
	Code        int
	Description string
}

// An eventLog keeps events in the order in which they came.
type eventLog struct {
	entries []eventEntry
	holding bool
}

// An eventEntry is an event as it is told.
type eventEntry struct {
	item eventItem
	// at is when it can be found; heldBack until it is released.
	at       time.Time
	heldBack bool
	domain   string
}

type eventItem struct {
	Event           string            `json:"event"`
	ID              string            `json:"id"`
	Timestamp       float64           `json:"timestamp"`
	LogLevel        string            `json:"log-level"`
	Method          string            `json:"method,omitempty"`
	Severity        string            `json:"severity,omitempty"`
	Reason          string            `json:"reason,omitempty"`
	Reject          *eventReject      `json:"reject,omitempty"`
	Recipient       string            `json:"recipient,omitempty"`
	RecipientDomain string            `json:"recipient-domain,omitempty"`
	Tags            []string          `json:"tags"`
	UserVariables   map[string]string `json:"user-variables"`
	Flags           eventFlags        `json:"flags"`
	Envelope        *eventEnvelope    `json:"envelope,omitempty"`
	DeliveryStatus  *eventStatus      `json:"delivery-status,omitempty"`
	Message         eventMessage      `json:"message"`
}

type eventReject struct {
	Reason      string `json:"reason"`
	Description string `json:"description"`
}

type eventFlags struct {
	IsAuthenticated bool `json:"is-authenticated"`
	IsRouted        bool `json:"is-routed"`
	IsSystemTest    bool `json:"is-system-test"`
	IsTestMode      bool `json:"is-test-mode"`
}

type eventEnvelope struct {
	Sender    string `json:"sender"`
	Targets   string `json:"targets"`
	Transport string `json:"transport"`
}

type eventStatus struct {
	AttemptNo   int    `json:"attempt-no"`
	Code        int    `json:"code"`
	Message     string `json:"message"`
	Description string `json:"description"`
}

type eventMessage struct {
	Headers     eventHeaders      `json:"headers"`
	Attachments []eventAttachment `json:"attachments"`
	Size        int               `json:"size"`
}

type eventHeaders struct {
	To        string `json:"to"`
	MessageID string `json:"message-id"`
	From      string `json:"from"`
	Subject   string `json:"subject"`
}

type eventAttachment struct {
	Filename    string `json:"filename"`
	ContentType string `json:"content-type"`
	Size        int    `json:"size"`
}

// add notes that e became of m. It can be found after delay, or once it is released.
func (l *eventLog) add(delay time.Duration, m *Message, e Event) {
	now := time.Now()
	item := eventItem{
		Event: e.Type, ID: rand.Text(), Timestamp: float64(now.UnixMicro()) / 1e6, LogLevel: "info",
		Recipient: e.Recipient, RecipientDomain: domainOf(e.Recipient),
		Tags: append([]string{}, m.Tags...), UserVariables: m.Variables,
		Flags: eventFlags{IsAuthenticated: true, IsTestMode: m.TestMode}, Message: m.event(),
	}
	if item.UserVariables == nil {
		item.UserVariables = map[string]string{}
	}
	if e.Recipient != "" {
		item.Envelope = &eventEnvelope{Sender: m.From.Address, Targets: e.Recipient, Transport: "smtp"}
	}
	item.describe(e)
	l.entries = append(l.entries, eventEntry{item: item, at: now.Add(delay), heldBack: l.holding, domain: m.Domain})
}

// describe adds what is particular to the type.
func (i *eventItem) describe(e Event) {
	status := &eventStatus{AttemptNo: 1, Code: e.Code, Description: e.Description}
	switch e.Type {
	case "accepted":
		i.Method = "http"
	case "rejected":
		i.LogLevel, i.Reject = "warn", &eventReject{Reason: e.Reason, Description: e.Description}
	case "delivered":
		status.Code, status.Message = cmp.Or(e.Code, 250), "OK"
		i.DeliveryStatus = status
	case "failed":
		status.Code = cmp.Or(e.Code, 550)
		i.LogLevel, i.DeliveryStatus, i.Reason = "error", status, cmp.Or(e.Reason, "generic")
		if i.Severity = cmp.Or(e.Severity, "permanent"); i.Severity == "temporary" {
			i.LogLevel = "warn"
		}
	}
}

// event is what events tell of the message.
func (m *Message) event() eventMessage {
	told := eventMessage{
		Headers: eventHeaders{MessageID: withoutBrackets(m.ID), From: m.From.Address, Subject: m.Subject},
		Size:    len(m.MIME) + len(m.Text) + len(m.HTML), Attachments: []eventAttachment{},
	}
	if m.MIME != nil {
		told.Size = len(m.MIME)
	}
	var to []string
	for _, a := range m.To {
		to = append(to, a.Address)
	}
	told.Headers.To = strings.Join(to, ", ")
	for _, a := range append(m.Attachments[:len(m.Attachments):len(m.Attachments)], m.Inlines...) {
		told.Attachments = append(told.Attachments, eventAttachment{a.Name, a.ContentType, len(a.Data)})
		if m.MIME == nil {
			told.Size += len(a.Data)
		}
	}
	return told
}

// addEvent is AddEvent of the server.
func (s *service) addEvent(e Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.heldMessage(e.MessageID)
	if m == nil {
		return fmt.Errorf("mailguntest: no message %q is held", e.MessageID)
	}
	s.events.add(s.cfg.EventsDelay, m, e)
	return nil
}

func (s *service) holdEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.holding = true
}

func (s *service) releaseEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events.holding = false
	for i := range s.events.entries {
		s.events.entries[i].heldBack = false
	}
}
