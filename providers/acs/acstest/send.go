package acstest

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// send is POST /emails:send.
func (s *Server) send(r *Request, v apiVersion) Answer {
	if refusal, ok := s.throttle(&s.sends); !ok {
		return refusal
	}
	m := Message{APIVersion: string(v), Request: r.Number, Time: s.cfg.Now()}
	if refusal, ok := s.understand(r, &m, v); !ok {
		return refusal
	}
	if refusal, ok := s.admit(&m); !ok {
		return refusal
	}
	return s.queue(m, sha256.Sum256(r.Body), v)
}

// understand reads the headers and the body.
func (s *Server) understand(r *Request, m *Message, v apiVersion) (refusal Answer, ok bool) {
	if refusal, ok := checkContentType(r); !ok {
		return refusal, false
	}
	if m.OperationID, refusal, ok = headerUUID(r, "Operation-Id"); !ok {
		return refusal, false
	}
	if m.ClientRequestID, refusal, ok = headerUUID(r, "X-Ms-Client-Request-Id"); !ok {
		return refusal, false
	}
	p := &problems{}
	root, err := decode(r.Body)
	if err != nil {
		p.add("", "%v.", err)
		return refuse(p.list), false
	}
	if o := newObject(p, "", root); o != nil {
		b := &body{Message: m, version: v, maxRecipients: s.cfg.MaxRecipients, contentIDs: make(map[string]bool)}
		b.read(o)
	}
	if len(p.list) > 0 {
		return refuse(p.list), false
	}
	return Answer{}, true
}

// admit looks at the sender, whose domain comes first. UNVERIFIED.
func (s *Server) admit(m *Message) (refusal Answer, ok bool) {
	at := strings.LastIndexByte(m.Sender, '@')
	switch {
	case !admits(s.cfg.LinkedDomains, m.Sender[at+1:]):
		return DomainNotLinked(), false
	case !admits(s.cfg.SenderUsers, m.Sender[:at]):
		return InvalidSenderUserName(), false
	}
	return Answer{}, true
}

// admits reports whether the list is empty or has s, in whatever case.
func admits(list []string, s string) bool {
	return len(list) == 0 || contains(list, s)
}

func contains(list []string, s string) bool {
	return slices.ContainsFunc(list, func(entry string) bool { return strings.EqualFold(entry, s) })
}
