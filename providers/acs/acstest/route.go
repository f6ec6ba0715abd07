package acstest

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	sendPath       = "/emails:send"
	operationsPath = "/emails/operations/"
)

// handle answers a request, and says what time it is here.
func (s *Server) handle(r *Request) Answer {
	a := s.answer(r)
	if a.Header == nil {
		a.Header = make(http.Header)
	}
	if a.Header.Get("Date") == "" {
		a.Header.Set("Date", s.cfg.Now().UTC().Format(http.TimeFormat))
	}
	return a
}

// answer looks at who asks before it looks at what is asked. UNVERIFIED.
func (s *Server) answer(r *Request) Answer {
	serve, method := s.route(r.Path)
	switch {
	case serve == nil:
		return NotFound()
	case r.Method != method:
		return MethodNotAllowed()
	}
	if refusal, ok := s.authorize(r); !ok {
		return refusal
	}
	version, refusal, ok := versionOf(r.Query)
	if !ok {
		return refusal
	}
	return serve(r, version)
}

// route returns what serves a path, nil for nothing, and the one method for it.
func (s *Server) route(path string) (serve func(*Request, apiVersion) Answer, method string) {
	if path == sendPath {
		return s.send, http.MethodPost
	}
	id, ok := strings.CutPrefix(strings.Replace(path, "//", "/", 1), operationsPath)
	if !ok || id == "" || strings.Contains(id, "/") {
		return nil, ""
	}
	return func(r *Request, _ apiVersion) Answer { return s.status(r, id) }, http.MethodGet
}

// An apiVersion says which members a body may have.
type apiVersion string

const (
	version2023 apiVersion = "2023-03-31"
	version2025 apiVersion = "2025-09-01" // inline attachments
)

// versionOf wants the one parameter that there is. The codes of the refusals are UNVERIFIED.
func versionOf(query string) (v apiVersion, refusal Answer, ok bool) {
	values, err := url.ParseQuery(query)
	given := values["api-version"]
	switch {
	case err != nil, len(given) > 1:
		return "", Refusal(http.StatusBadRequest, Error{Code: codeBadRequest, Message: "The query is not valid."}), false
	case len(given) == 0:
		return "", Refusal(http.StatusBadRequest, Error{
			Code: "MissingApiVersionParameter", Message: "The api-version query parameter (?api-version=) is required for all requests.",
		}), false
	case len(values) > 1:
		return "", Refusal(http.StatusBadRequest, Error{Code: codeBadRequest, Message: "The query has an unknown parameter."}), false
	}
	v = apiVersion(given[0])
	if !slices.Contains([]apiVersion{version2023, version2025}, v) {
		return "", Refusal(http.StatusBadRequest, Error{
			Code: "UnsupportedApiVersion", Message: "The api-version is not supported.", Target: "api-version",
		}), false
	}
	return v, Answer{}, true
}

// checkContentType wants JSON in UTF-8, not compressed. The status for anything else is UNVERIFIED.
func checkContentType(r *Request) (refusal Answer, ok bool) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := params["charset"]
	switch {
	case err != nil, len(r.Header["Content-Type"]) != 1, kind != "application/json",
		given && !strings.EqualFold(charset, "utf-8"), r.Header.Get("Content-Encoding") != "":
		return Refusal(http.StatusUnsupportedMediaType, Error{
			Code: "UnsupportedMediaType", Message: "The Content-Type must be application/json.",
		}), false
	}
	return Answer{}, true
}

// headerUUID returns the value of a header that is a UUID when it is there at all.
func headerUUID(r *Request, name string) (id string, refusal Answer, ok bool) {
	values := r.Header.Values(name)
	switch {
	case len(values) == 0:
		return "", Answer{}, true
	case len(values) > 1, !isUUID(values[0]):
		return "", BadRequest(name), false
	}
	return values[0], Answer{}, true
}
