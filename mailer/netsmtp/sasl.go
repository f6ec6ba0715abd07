package netsmtp

import (
	"errors"
	"strings"

	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
)

// errNoAuth has the words of net/smtp.
var errNoAuth error = noAuthError{}

type noAuthError struct{}

func (noAuthError) Error() string   { return "server doesn't support AUTH" }
func (noAuthError) Unwrap() []error { return []error{smtpwire.ErrNoAuth, mailer.ErrUnauthorized} }

// errMechanism marks what an Auth objected to.
var errMechanism = errors.New("the mechanism gave up")

// authenticate runs AUTH, if that is asked for.
func (s *submission) authenticate() *smtpwire.Error {
	if s.auth == nil {
		return nil
	}
	s.attempt.Mark(mailer.PhaseAuth)
	offered := s.conn.Extensions().Auth
	if len(offered) == 0 {
		return &smtpwire.Error{Stage: smtpwire.StageAuth, Err: errNoAuth}
	}
	auth := s.auth
	if a, ok := auth.(interface{ fresh() Auth }); ok {
		auth = a.fresh()
	}
	_, isTLS := s.conn.TLS()
	name, initial, err := auth.Start(&ServerInfo{Name: s.host, TLS: isTLS, Auth: offered})
	if err != nil {
		return &smtpwire.Error{Stage: smtpwire.StageAuth, Err: gaveUp(err)}
	}
	if len(initial) == 0 {
		initial = nil
	}
	e := &exchange{auth: auth, isLogin: strings.EqualFold(name, "LOGIN")}
	if initial != nil {
		e.answer(nil, initial)
	}
	s.conn.Scrub(e.hear)
	failed := s.conn.Authenticate(name, initial, e, s.step())
	s.shown = e.shown
	s.conn.Scrub(s.hide) // before anything is cut in the middle of a secret
	return failed
}

func gaveUp(err error) error { return &mechanismError{err} }

// A mechanismError is an error of an Auth, in its own words.
type mechanismError struct{ err error }

func (e *mechanismError) Error() string   { return e.err.Error() }
func (e *mechanismError) Unwrap() []error { return []error{e.err, errMechanism} }

// An exchange drives an Auth as net/smtp does.
type exchange struct {
	auth    Auth
	isLogin bool
	answers int32
	heard   string   // the text of the last reply
	shown   []string // what was told in confidence
}

func (e *exchange) hear(text string) string {
	e.heard = text
	return text
}

func (e *exchange) Next(challenge []byte) ([]byte, error) {
	response, err := e.auth.Next(challenge, true)
	if err != nil {
		return nil, gaveUp(err)
	}
	e.answer(challenge, response)
	return response, nil
}

func (e *exchange) Done() error {
	if _, err := e.auth.Next([]byte(e.heard), false); err != nil {
		return gaveUp(err)
	}
	return nil
}

// answer notes a response. The user name that LOGIN begins with is told in no confidence: it is the sender's
// address more often than not, and in the words of who refuses that address.
func (e *exchange) answer(challenge, response []byte) {
	e.answers++
	if !e.isLogin || e.answers > 1 || asksFor(challenge, e.answers) != 1 {
		e.told(response)
	}
}

// told keeps what a server must not be quoted with: a response, and what it ends in, which is the
// password of PLAIN and the token of XOAUTH2.
func (e *exchange) told(response []byte) {
	whole := strings.TrimRight(string(response), "\x01")
	secret := strings.TrimPrefix(whole[strings.LastIndexAny(whole, "\x00\x01")+1:], "auth=Bearer ")
	e.shown = append(e.shown, string(response), secret)
}
