package smtpfake

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5" // CRAM-MD5 is defined with it
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// nonce returns printable random text without a comma.
func nonce() string { return rand.Text() }

// matches reports whether users has this password; unknown and empty names never match.
func matches(users map[string]string, name, password string) bool {
	want, ok := users[name]
	return ok && name != "" && hmac.Equal([]byte(want), []byte(password))
}

// plainMechanism is RFC 4616.
type plainMechanism struct {
	users map[string]string
	name  string
}

func (m *plainMechanism) user() string { return m.name }

func (m *plainMechanism) next(response []byte) ([]byte, authState) {
	if response == nil {
		return nil, authContinue
	}
	fields := bytes.Split(response, []byte{0})
	if len(fields) != 3 {
		return nil, authMalformed
	}
	authzid, name, password := string(fields[0]), string(fields[1]), string(fields[2])
	if authzid != "" && authzid != name || !matches(m.users, name, password) {
		return nil, authFailed
	}
	m.name = name
	return nil, authDone
}

// loginMechanism asks for the user name, then the password. It was never standardised.
type loginMechanism struct {
	users map[string]string
	name  string
	named bool
}

func (m *loginMechanism) user() string { return m.name }

func (m *loginMechanism) next(response []byte) ([]byte, authState) {
	switch {
	case response == nil:
		return []byte("Username:"), authContinue
	case !m.named:
		m.name, m.named = string(response), true
		return []byte("Password:"), authContinue
	case matches(m.users, m.name, string(response)):
		return nil, authDone
	}
	return nil, authFailed
}

// cramMechanism is RFC 2195.
type cramMechanism struct {
	users     map[string]string
	challenge string
	asked     bool
	name      string
}

func (m *cramMechanism) user() string { return m.name }

func (m *cramMechanism) next(response []byte) ([]byte, authState) {
	if !m.asked {
		m.asked = true
		if response != nil { // RFC 4954 section 4: the server speaks first, so there is no initial response
			return nil, authMalformed
		}
		return []byte(m.challenge), authContinue
	}
	name, digest, _ := strings.Cut(string(response), " ")
	password, ok := m.users[name]
	mac := hmac.New(md5.New, []byte(password))
	mac.Write([]byte(m.challenge))
	if !ok || !hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(digest)) {
		return nil, authFailed
	}
	m.name = name
	return nil, authDone
}

// bearerMechanism is XOAUTH2 and OAUTHBEARER (RFC 7628). A refused token is first
// answered with a JSON challenge, which the client acknowledges.
type bearerMechanism struct {
	users   map[string]string
	parse   func(response string) (name, token string)
	ack     string
	name    string
	refused bool
}

func (m *bearerMechanism) user() string { return m.name }

func (m *bearerMechanism) next(response []byte) ([]byte, authState) {
	switch {
	case m.refused && string(response) != m.ack:
		return nil, authMalformed
	case m.refused:
		return nil, authFailed
	case response == nil:
		return nil, authContinue
	}
	name, token := m.parse(string(response))
	if matches(m.users, name, token) {
		m.name = name
		return nil, authDone
	}
	m.refused = true
	return []byte(`{"status":"401","schemes":"bearer","scope":"mail"}`), authContinue
}

// parseXOAUTH2 parses "user=" name ^A "auth=Bearer " token ^A ^A. What is malformed names nobody.
func parseXOAUTH2(response string) (name, token string) {
	rest, ok := strings.CutSuffix(response, "\x01\x01")
	name, token, found := strings.Cut(rest, "\x01auth=Bearer ")
	name, named := strings.CutPrefix(name, "user=")
	if !ok || !found || !named {
		return "", ""
	}
	return name, token
}

// parseOAUTHBEARER parses the client response of RFC 7628 section 3.1.
func parseOAUTHBEARER(response string) (name, token string) {
	header, rest, _ := strings.Cut(response, "\x01")
	pairs, complete := strings.CutSuffix(rest, "\x01\x01")
	authzid, isHeader := strings.CutPrefix(header, "n,a=")
	name, ended := strings.CutSuffix(authzid, ",")
	if !complete || !isHeader || !ended {
		return "", ""
	}
	for pair := range strings.SplitSeq(pairs, "\x01") {
		if value, ok := strings.CutPrefix(pair, "auth=Bearer "); ok {
			token = value
		}
	}
	return unescapeName(name), token
}
