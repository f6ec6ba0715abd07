package smtpfake

import (
	"encoding/base64"
	"slices"
	"strings"
)

// maxAuthLineBytes is the limit of RFC 4954 section 4 for a response, line end included.
const maxAuthLineBytes = 12288

// An authState is where an exchange stands.
type authState int

const (
	authContinue authState = iota
	authDone
	authFailed    // credentials refused
	authMalformed // a response that the mechanism does not allow
)

// A mechanism is the server's side of a SASL exchange.
type mechanism interface {
	// next takes the client's response and returns the challenge to it. The response is nil on the
	// first call where the client gave no initial response, and not nil otherwise.
	next(response []byte) (challenge []byte, state authState)
	// user is who authenticated, valid after authDone.
	user() string
}

// Mechanisms returns the names of all SASL mechanisms that a Server knows.
func Mechanisms() []string {
	return []string{
		"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1",
		"OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN", "CRAM-MD5",
	}
}

// offeredMechanisms returns what this connection offers now.
func (c *session) offeredMechanisms() []string {
	if len(c.cfg.Users) == 0 || c.cfg.RequireTLS && c.tls == nil {
		return nil
	}
	mechs := c.cfg.mechanisms()
	if c.tls != nil {
		return mechs
	}
	return slices.DeleteFunc(slices.Clone(mechs), func(name string) bool { return strings.HasSuffix(name, "-PLUS") })
}

func (c *session) offersMechanism(name string) bool {
	return slices.ContainsFunc(c.offeredMechanisms(), func(offered string) bool { return strings.EqualFold(offered, name) })
}

// mechanism returns the server's side of the mechanism, or nil.
func (c *session) mechanism(name string) mechanism {
	if !c.offersMechanism(name) {
		return nil
	}
	users := c.cfg.Users
	switch strings.ToUpper(name) {
	case "PLAIN":
		return &plainMechanism{users: users}
	case "LOGIN":
		return &loginMechanism{users: users}
	case "CRAM-MD5":
		return &cramMechanism{users: users, challenge: "<" + nonce() + "@" + c.cfg.name() + ">"}
	case "XOAUTH2":
		return &bearerMechanism{users: users, parse: parseXOAUTH2}
	case "OAUTHBEARER":
		return &bearerMechanism{users: users, parse: parseOAUTHBEARER, ack: "\x01"}
	}
	if m := newSCRAM(name, users, c.tls); m != nil {
		m.plusOffered = c.offersMechanism(m.plain + "-PLUS")
		return m
	}
	return nil
}

// auth answers AUTH and holds its exchange (RFC 4954 section 4).
func (c *session) auth(arg string) error {
	name, initial, hasInitial := strings.Cut(arg, " ")
	m := c.mechanism(name)
	if refusal := c.checkAuth(name, m); refusal.code != 0 {
		return c.answer(AUTH, arg, refusal)
	}
	var response []byte
	own := reply{}
	if hasInitial {
		response, own = c.decodeResponse(initial, true)
	}
	var state authState
	if own.code == 0 {
		own, state = c.step(m, response)
	}
	d := c.decide(AUTH, arg, own)
	for d.intermediate() {
		if err := c.send(d); err != nil {
			return err
		}
		line, err := c.readLine(maxAuthLineBytes)
		if err != nil && !isLineError(err) {
			return err
		}
		c.checkGroup("an AUTH response", true)
		if state == authContinue {
			own, state = c.respond(m, line, err)
		}
		d = c.decide(AUTHStep, line, own)
	}
	if d.positive() {
		c.user, c.mech = m.user(), strings.ToUpper(name)
		c.srv.record.auths.Add(1)
	}
	return c.send(d)
}

// respond takes one response line to the mechanism.
func (c *session) respond(m mechanism, line string, lineErr error) (reply, authState) {
	switch {
	case lineErr != nil:
		return say(500, "5.5.6", "bad line"), authFailed
	case line == "*":
		return say(501, "5.0.0", "cancelled"), authFailed
	}
	response, refusal := c.decodeResponse(line, false)
	if refusal.code != 0 {
		return refusal, authFailed
	}
	return c.step(m, response)
}

// step makes the mechanism's answer a reply.
func (c *session) step(m mechanism, response []byte) (reply, authState) {
	challenge, state := m.next(response)
	switch state {
	case authContinue:
		return reply{code: 334, text: base64.StdEncoding.EncodeToString(challenge)}, state
	case authDone:
		return say(235, "2.7.0", "authenticated"), state
	case authMalformed:
		c.violate(RuleAuth, "malformed response")
		return say(501, "5.5.2", "malformed response"), state
	}
	return say(535, "5.7.8", "credentials not valid"), state
}

func (c *session) checkAuth(name string, m mechanism) reply {
	switch {
	case !c.extended:
		c.violate(RuleSequence, "AUTH before EHLO")
		return say(503, "5.5.1", "EHLO first")
	case c.user != "":
		c.violate(RuleSequence, "second AUTH")
		return say(503, "5.5.1", "authenticated already")
	case c.tx.open:
		c.violate(RuleSequence, "AUTH inside a transaction")
		return say(503, "5.5.1", "not inside a transaction")
	case m == nil:
		if !c.offersMechanism(name) {
			c.violate(RuleAuth, "mechanism %.40q is not offered", name)
		}
		return say(504, "5.5.4", "mechanism not supported")
	}
	return reply{}
}

// decodeResponse decodes base64; an initial response of "=" is empty.
func (c *session) decodeResponse(s string, initial bool) ([]byte, reply) {
	if initial && s == "=" {
		return []byte{}, reply{}
	}
	response, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || initial && s == "" {
		c.violate(RuleAuth, "response is not base64")
		return nil, say(501, "5.5.2", "not base64")
	}
	if response == nil {
		response = []byte{}
	}
	return response, reply{}
}
