package acstest

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
)

// An accessKey is one of the two that a resource has.
type accessKey struct {
	text   string // base64, as the portal shows it
	secret []byte
}

const keyBytes = 64

// newKey returns the text of a new key.
func newKey() string {
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret) // never fails
	return base64.StdEncoding.EncodeToString(secret)
}

func parseKey(text string) (accessKey, error) {
	secret, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return accessKey{}, err
	}
	if len(secret) == 0 {
		return accessKey{}, errors.New("empty")
	}
	return accessKey{text, secret}, nil
}

// Key returns the primary access key in base64.
func (s *Server) Key() string { return s.accessKeys()[0].text }

// SecondaryKey returns the secondary access key in base64.
func (s *Server) SecondaryKey() string { return s.accessKeys()[1].text }

// RegenerateKey replaces the primary key (0) or the secondary (1) and returns the new
// one; what was signed with the old one is refused from now on.
func (s *Server) RegenerateKey(i int) string {
	key, err := parseKey(newKey())
	if err != nil {
		panic(err) // a new key is base64
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[i] = key
	return key.text
}

func (s *Server) accessKeys() [2]accessKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys
}
