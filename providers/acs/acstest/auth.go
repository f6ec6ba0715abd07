package acstest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Forbid makes every request with a valid key or token be answered with 403, or no longer:
// the identity lacks its role, or the resource's network rules do not admit the client.
func (s *Server) Forbid(forbidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forbidden = forbidden
}

// Denials returns why requests were answered with 401, in the order of their arrival: the
// service does not tell.
func (s *Server) Denials() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.denials)
}

// authorize looks at who asks. That the service denies what names another host, rather than
// not finding it, is UNVERIFIED.
func (s *Server) authorize(r *Request) (refusal Answer, ok bool) {
	err := s.authenticate(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.denials = append(s.denials, fmt.Sprintf("request %d: %v", r.Number, err))
		return Denied(), false
	case s.forbidden:
		return Forbidden(), false
	}
	return Answer{}, true
}

func (s *Server) authenticate(r *Request) error {
	host, err := only(r, "Host")
	if err != nil {
		return err
	}
	if host != s.host() {
		return fmt.Errorf("the Host is %q, not %q", host, s.host())
	}
	given, err := only(r, "Authorization")
	if err != nil {
		return err
	}
	scheme, rest, _ := strings.Cut(given, " ")
	switch scheme {
	case "HMAC-SHA256":
		return checkSignature(r, s.accessKeys(), s.cfg.Now())
	case "Bearer":
		return s.credential.check(rest)
	}
	return errors.New("the scheme of Authorization is neither HMAC-SHA256 nor Bearer")
}

// only returns the value of a header that must be there once.
func only(r *Request, name string) (string, error) {
	values := r.Header.Values(name)
	if len(values) != 1 {
		return "", fmt.Errorf("%d times %s", len(values), name)
	}
	return values[0], nil
}
