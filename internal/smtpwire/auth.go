package smtpwire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"
)

// A Mechanism is the client's side of a SASL exchange, after its name and initial
// response. Next answers a challenge; nothing more is asked of it after an error.
type Mechanism interface {
	Next(challenge []byte) (response []byte, err error)
	// Done is told that the server reports success, and objects if it has not proved itself.
	Done() error
}

// maxChallenges bounds an exchange; SCRAM, the longest in use, has three.
const maxChallenges = 8

// Authenticate runs AUTH name (RFC 4954) with the initial response, nil for none,
// until limit. A server may repeat in its reply what it was sent: the caller scrubs the text.
func (c *Conn) Authenticate(name string, initial []byte, m Mechanism, limit time.Time) *Error {
	if !isWord(name) {
		return &Error{Stage: StageAuth, Err: ErrArgument}
	}
	c.SetLimit(limit)
	c.out = append(append(c.out, "AUTH "...), name...)
	if initial != nil {
		c.out = append(c.out, ' ')
		c.out = appendBase64(c.out, initial, "=")
	}
	for range maxChallenges {
		c.out = append(c.out, "\r\n"...)
		reply, err := c.roundTrip(StageAuth, true)
		clear(c.out[:cap(c.out)]) // credentials do not stay in the buffer
		if err != nil {
			return err
		}
		if reply.Code != 334 {
			return c.endAuth(reply, m)
		}
		if err := c.respond(reply.Text, m); err != nil {
			return &Error{Stage: StageAuth, Err: err}
		}
	}
	return &Error{Stage: StageAuth, Err: fmt.Errorf("%w: more than %d challenges", ErrReply, maxChallenges)}
}

func (c *Conn) respond(challenge string, m Mechanism) error {
	decoded, err := base64.StdEncoding.DecodeString(challenge)
	if err != nil {
		return fmt.Errorf("%w: a challenge that is not base64", ErrReply)
	}
	response, err := m.Next(decoded)
	if err != nil {
		return err
	}
	c.out = appendBase64(c.out, response, "")
	return nil
}

func (c *Conn) endAuth(reply Reply, m Mechanism) *Error {
	switch {
	case reply.Code == 235:
		if err := m.Done(); err != nil {
			return &Error{Stage: StageAuth, Err: err}
		}
		return c.inStep(StageAuth)
	case reply.Refused():
		return &Error{Stage: StageAuth, Reply: reply}
	}
	return &Error{Stage: StageAuth, Err: ErrReply}
}

func appendBase64(dst, src []byte, whenEmpty string) []byte {
	if len(src) == 0 {
		return append(dst, whenEmpty...)
	}
	return base64.StdEncoding.AppendEncode(dst, src)
}

// ErrArgument means that a command would have held what could break out of it. Nothing was sent.
var ErrArgument = errors.New("argument has characters that a command cannot have")

// isWord reports whether s can be one word of a command.
func isWord(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return s != ""
}
