package sendgridtest

import (
	"errors"
	"net/http"
)

// send is POST /v3/mail/send.
func (s *Server) send(r *Request, _ string) Answer {
	root, refusal, ok := body(r, sendShape())
	if !ok {
		return refusal
	}
	v := &validator{root: root, now: s.cfg.Now(), knowsBatch: s.knowsBatch}
	if v.validate(); len(v.list) > 0 {
		return Errors(http.StatusBadRequest, v.list...)
	}
	id := newMessageID()
	all := messages(root, id, v.now)
	for _, m := range all {
		if !s.owns(m.From.Email) {
			return SenderNotVerified()
		}
	}
	if all[0].Sandbox {
		return s.sandbox(all)
	}
	return s.accept(id, all)
}

// body returns the body of a request when it is JSON of the shape.
func body(r *Request, want shape) (root object, refusal Answer, ok bool) {
	v, err := decode(r.Body)
	if duplicate := (*duplicateError)(nil); errors.As(err, &duplicate) {
		return nil, BadRequest(duplicate.key), false
	}
	if err != nil {
		return nil, BadRequest(""), false
	}
	root, ok = v.(map[string]any)
	if !ok {
		return nil, BadRequest(""), false
	}
	var p problems
	want.checkObject(&p, "", root)
	if len(p.list) > 0 {
		return nil, Errors(http.StatusBadRequest, p.list...), false
	}
	return root, Answer{}, true
}

func (s *Server) sandbox(all []Message) Answer {
	a := Answer{Status: http.StatusOK, Header: http.Header{}}
	a.Commit = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sandboxed = append(s.sandboxed, all...)
	}
	return a
}

// accept answers 202, if there are credits for the recipients.
func (s *Server) accept(id string, all []Message) Answer {
	recipients := 0
	for i := range all {
		recipients += len(all[i].Recipients())
	}
	s.mu.Lock()
	enough := s.cfg.Credits == 0 || s.mailed+recipients <= s.cfg.Credits
	s.mu.Unlock()
	if !enough {
		return CreditsExceeded()
	}
	a := accepted(id)
	a.Commit = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.mailed += recipients
		s.held = append(s.held, all...)
	}
	return a
}
