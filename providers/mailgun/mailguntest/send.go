package mailguntest

import (
	"crypto/rand"
	"slices"
	"time"
)

// A readFunc reads what is particular to an endpoint.
type readFunc func(*Message, *form) error

// postMessages takes the parts of a message, of which Mailgun makes one.
func (s *service) postMessages(c *call, d *Domain) Answer {
	return s.send(c, d, messagesEndpoint, (*Message).readForm)
}

// postMIME takes a message that is made already.
func (s *service) postMIME(c *call, d *Domain) Answer {
	return s.send(c, d, mimeEndpoint, (*Message).readMIME)
}

// send takes a message, or refuses it.
func (s *service) send(c *call, d *Domain, e endpoint, read readFunc) Answer {
	m := &Message{Endpoint: e.name, Domain: d.Name}
	f, err := s.parse(c, e)
	if err == nil {
		err = read(m, f)
	}
	if err == nil {
		err = s.readOptions(m, f)
	}
	if err != nil {
		return Invalid(err.Error())
	}
	if why := d.refuses(m.Recipients); why != "" {
		return NotAllowedToSend(d.Name, why)
	}
	s.violateAll(c, m.flaws(f))
	m.ID = m.id()
	a := Accepted(m.ID)
	a.Commit = func() { s.hold(m) }
	return a
}

// parse returns the form, which has only what the endpoint takes.
func (s *service) parse(c *call, e endpoint) (*form, error) {
	f, err := parseForm(c.Header, c.Body)
	if err != nil {
		return nil, err
	}
	err = e.check(f)
	s.violateAll(c, f.flaws)
	return f, err
}

func (s *service) violateAll(c *call, flaws []string) {
	for _, flaw := range flaws {
		s.violate(c.Request, "%s", flaw)
	}
}

// id is what the reply and the events call the message: its own Message-ID where it has one.
func (m *Message) id() string {
	if m.MessageID == "" {
		return newID(m.Domain)
	}
	return "<" + withoutBrackets(m.MessageID) + ">"
}

func newID(domain string) string {
	return "<" + time.Now().UTC().Format("20060102150405") + "." + rand.Text() + "@" + domain + ">"
}

// refuses returns why the domain may not send to these recipients, or "".
func (d *Domain) refuses(recipients []string) Reason {
	switch {
	case d.State == Unverified:
		return ReasonUnverified
	case d.State == Disabled:
		return ReasonDisabled
	case d.Sandbox && !d.authorizes(recipients):
		return ReasonSandbox
	case d.Free && !d.authorizes(recipients):
		return ReasonFree
	}
	return ""
}

func (s *service) held() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}
