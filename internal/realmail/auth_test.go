package realmail

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net/smtp"
	"strconv"
	"strings"
	"time"
)

// auth returns the client's side of mechanism.
func auth(mechanism, host string, u User) smtp.Auth {
	switch mechanism {
	case "PLAIN":
		return smtp.PlainAuth("", u.Name, u.Password, host)
	case "LOGIN":
		return steps{mechanism, nil, []string{u.Name, u.Password}}
	case "CRAM-MD5":
		return smtp.CRAMMD5Auth(u.Name, u.Password)
	case "SCRAM-SHA-1":
		return &scram{mechanism: mechanism, hash: sha1.New, user: u}
	case "SCRAM-SHA-256":
		return &scram{mechanism: mechanism, hash: sha256.New, user: u}
	case "XOAUTH2":
		return steps{mechanism, fmt.Appendf(nil, "user=%s\x01auth=Bearer %s\x01\x01", u.Name, Token(u.Name, time.Hour)), nil}
	case "OAUTHBEARER": // RFC 7628 section 3.1
		return steps{mechanism, fmt.Appendf(nil, "n,a=%s,\x01auth=Bearer %s\x01\x01", u.Name, Token(u.Name, time.Hour)), nil}
	}
	panic("no client for " + mechanism)
}

// steps is a mechanism whose answers do not depend on the challenges.
type steps struct {
	mechanism string
	initial   []byte
	answers   []string
}

func (s steps) Start(*smtp.ServerInfo) (string, []byte, error) {
	return s.mechanism, s.initial, nil
}

func (s steps) Next(challenge []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	for i, prompt := range []string{"Username:", "Password:"} {
		if string(challenge) == prompt && i < len(s.answers) {
			return []byte(s.answers[i]), nil
		}
	}
	return nil, fmt.Errorf("challenge %q", challenge)
}

// scram is RFC 5802 without channel binding.
type scram struct {
	mechanism             string
	hash                  func() hash.Hash
	user                  User
	first, want           string
	serverFirst, verified bool
}

const clientNonce = "cm9vZi10aWxlLXN0b3Jt"

func (s *scram) Start(*smtp.ServerInfo) (string, []byte, error) {
	s.first = "n=" + s.user.Name + ",r=" + clientNonce
	return s.mechanism, []byte("n,," + s.first), nil
}

func (s *scram) Next(challenge []byte, more bool) ([]byte, error) {
	switch {
	case !more && s.verified:
		return nil, nil
	case !more:
		return nil, errors.New("the server has not proved that it knows the password")
	case s.serverFirst:
		s.verified = string(challenge) == s.want
		return nil, nil
	}
	s.serverFirst = true
	return s.proof(string(challenge))
}

func (s *scram) proof(challenge string) ([]byte, error) {
	var nonce, salt64, count string
	for attribute := range strings.SplitSeq(challenge, ",") {
		name, value, _ := strings.Cut(attribute, "=")
		switch name {
		case "r":
			nonce = value
		case "s":
			salt64 = value
		case "i":
			count = value
		}
	}
	salt, err := base64.StdEncoding.DecodeString(salt64)
	if err != nil {
		return nil, err
	}
	iterations, err := strconv.Atoi(count)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(nonce, clientNonce) {
		return nil, fmt.Errorf("nonce %q is not ours", nonce)
	}
	salted, err := pbkdf2.Key(s.hash, s.user.Password, salt, iterations, s.hash().Size())
	if err != nil {
		return nil, err
	}
	final := "c=biws,r=" + nonce
	message := s.first + "," + challenge + "," + final
	clientKey := s.mac(salted, "Client Key")
	stored := s.hash()
	stored.Write(clientKey)
	proof := make([]byte, len(clientKey))
	for i, b := range s.mac(stored.Sum(nil), message) {
		proof[i] = clientKey[i] ^ b
	}
	s.want = "v=" + base64.StdEncoding.EncodeToString(s.mac(s.mac(salted, "Server Key"), message))
	return bytes.Join([][]byte{[]byte(final), []byte("p=" + base64.StdEncoding.EncodeToString(proof))}, []byte(",")), nil
}

func (s *scram) mac(key []byte, message string) []byte {
	m := hmac.New(s.hash, key)
	m.Write([]byte(message))
	return m.Sum(nil)
}
