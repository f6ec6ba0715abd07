package sendgridtest

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// The scopes that the endpoints want. That reading logs wants that of the older Email
// Activity API is unverified.
const (
	scopeSend        = "mail.send"
	scopeBatchCreate = "mail.batch.create"
	scopeBatchRead   = "mail.batch.read"
	scopeLogs        = "email_activity.read"
)

// An endpoint is a path with one method.
type endpoint struct {
	method, path string // path ends in a slash where an id follows
	scope        string // empty: any key will do
	serve        func(s *Server, r *Request, id string) Answer
}

func endpoints() []endpoint {
	return []endpoint{
		{http.MethodPost, "/v3/mail/send", scopeSend, (*Server).send},
		{http.MethodPost, "/v3/mail/batch", scopeBatchCreate, (*Server).createBatch},
		{http.MethodGet, "/v3/mail/batch/", scopeBatchRead, (*Server).getBatch},
		{http.MethodGet, "/v3/scopes", "", (*Server).scopes},
		{http.MethodPost, "/v3/logs", scopeLogs, (*Server).searchLogs},
		{http.MethodGet, "/v3/logs/", scopeLogs, (*Server).getLog},
	}
}

// find returns the endpoint of a path and the id in it.
func find(path string) (e endpoint, id string, ok bool) {
	for _, e := range endpoints() {
		id, ok := strings.CutPrefix(path, e.path)
		takesID := strings.HasSuffix(e.path, "/")
		if ok && takesID == (id != "") && !strings.Contains(id, "/") {
			return e, id, true
		}
	}
	return endpoint{}, "", false
}

// handle answers a request. Who asks is looked at before what is asked.
func (s *Server) handle(r *Request) Answer {
	e, id, ok := find(r.Path)
	if !ok {
		return NotFound()
	}
	if r.Method != e.method {
		return MethodNotAllowed()
	}
	if refusal, ok := s.authorize(r, e.scope); !ok {
		return refusal
	}
	if refusal, ok := negotiate(r); !ok {
		return refusal
	}
	return e.serve(s, r, id)
}

func (s *Server) authorize(r *Request, scope string) (refusal Answer, ok bool) {
	given := r.Header["Authorization"]
	if len(given) != 1 {
		return Errors(http.StatusUnauthorized, Error{Message: "authorization required"}), false
	}
	scheme, key, _ := strings.Cut(given[0], " ")
	same := subtle.ConstantTimeCompare([]byte(key), []byte(s.cfg.Key)) == 1
	switch {
	case !strings.EqualFold(scheme, "Bearer") || !same:
		return Unauthorized(), false
	case scope != "" && !slices.Contains(s.cfg.Scopes, scope):
		return Forbidden(), false
	}
	return Answer{}, true
}

// negotiate wants an Accept header that admits JSON (406), a body that is JSON by its
// Content-Type (415), and no compression, which is for accounts that asked for it.
func negotiate(r *Request) (refusal Answer, ok bool) {
	if !slices.ContainsFunc(r.Header["Accept"], acceptsJSON) {
		return NotAcceptable(), false
	}
	if r.Method != http.MethodPost || len(r.Body) == 0 {
		return Answer{}, true
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	switch {
	case err != nil, kind != "application/json", given && !strings.EqualFold(charset, "utf-8"):
		return Errors(http.StatusUnsupportedMediaType, Error{Message: "Content-Type should be application/json."}), false
	case r.Header.Get("Content-Encoding") != "":
		return Errors(http.StatusUnsupportedMediaType, Error{Message: "this account has no compression of bodies"}), false
	}
	return Answer{}, true
}

func acceptsJSON(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		kind, _, err := mime.ParseMediaType(part)
		if err == nil && slices.Contains([]string{"*/*", "application/*", "application/json"}, kind) {
			return true
		}
	}
	return false
}

func (s *Server) scopes(*Request, string) Answer {
	return encode(http.StatusOK, map[string][]string{"scopes": append([]string{}, s.cfg.Scopes...)})
}
