package netsmtp

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
)

// LoginAuth returns an Auth of the mechanism LOGIN, which some servers offer instead of
// PLAIN (draft-murchison-sasl-login). As [PlainAuth] does, it sends the credentials to host
// alone, and only over TLS or to this machine.
//
// [SendMail] may use it from several goroutines at once. With [Client.Auth], a value serves
// one exchange at a time.
func LoginAuth(username, password, host string) Auth {
	return &loginAuth{username: username, password: password, host: host}
}

type loginAuth struct {
	username, password, host string
	prompts                  atomic.Int32 // answered so far
}

// fresh returns a copy with an exchange of its own.
func (a *loginAuth) fresh() Auth { return LoginAuth(a.username, a.password, a.host) }

func (a *loginAuth) Start(server *ServerInfo) (proto string, toServer []byte, err error) {
	a.prompts.Store(0)
	return "LOGIN", nil, mayShowTo(server, a.host)
}

func (a *loginAuth) Next(prompt []byte, more bool) (toServer []byte, err error) {
	if !more {
		return nil, nil
	}
	switch asksFor(prompt, a.prompts.Add(1)) {
	case 1:
		return []byte(a.username), nil
	case 2:
		return []byte(a.password), nil
	}
	return nil, errors.New("unexpected server challenge")
}

// asksFor returns 1 where the nth prompt asks for the user name and 2 for the password.
//
// Quirk: the text is "Username:" and "Password:" mostly, "User Name\x00" and "Password\x00"
// in the draft and at Microsoft, and elsewhere in other words, in other languages or not
// there at all. Where it does not say, the order does, which is always the same.
func asksFor(prompt []byte, n int32) int32 {
	text := bytes.ToLower(prompt)
	user := bytes.Contains(text, []byte("user")) || bytes.Contains(text, []byte("login"))
	password := bytes.Contains(text, []byte("pass"))
	switch {
	case n > 2 || user == password:
		return n
	case user:
		return 1
	}
	return 2
}

// XOAUTH2Auth returns an Auth of the mechanism XOAUTH2, by which Google and Microsoft take
// an OAuth 2.0 access token. As [PlainAuth] does, it sends the token to host alone, and
// only over TLS or to this machine. A token expires: make the Auth anew with a fresh one.
func XOAUTH2Auth(username, token, host string) Auth {
	return &xoauth2Auth{username, token, host}
}

type xoauth2Auth struct{ username, token, host string }

func (a *xoauth2Auth) Start(server *ServerInfo) (proto string, toServer []byte, err error) {
	if strings.ContainsRune(a.username+a.token, '\x01') {
		return "", nil, errors.New("user name or token has a control character")
	}
	if err := mayShowTo(server, a.host); err != nil {
		return "", nil, err
	}
	return "XOAUTH2", []byte("user=" + a.username + "\x01auth=Bearer " + a.token + "\x01\x01"), nil
}

// Next answers the challenge that explains a refusal, with an empty line, upon which the
// server gives its reply.
func (a *xoauth2Auth) Next(_ []byte, more bool) (toServer []byte, err error) {
	if more {
		return []byte{}, nil
	}
	return nil, nil
}

// mayShowTo refuses to show a secret to anybody but host, or to whoever listens on the way. Its
// words are PlainAuth's.
func mayShowTo(server *ServerInfo, host string) error {
	switch {
	case !server.TLS && server.Name != "localhost" && server.Name != "127.0.0.1" && server.Name != "::1":
		return errors.New("unencrypted connection")
	case server.Name != host:
		return errors.New("wrong host name")
	}
	return nil
}
