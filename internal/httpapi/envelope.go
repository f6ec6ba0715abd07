package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
)

// EnvelopeID is a short name for a set of recipients in their order. It travels with a message so that what
// a provider's log says about one request is not taken for another one's, which has the
// same Message-ID and went to others.
func EnvelopeID(recipients []string) string {
	list := make([]byte, 0, 512) // on the stack, and enough for most
	for _, r := range recipients {
		list = append(append(list, r...), '\n')
	}
	sum := sha256.Sum256(list)
	var text [24]byte
	return string(hex.AppendEncode(text[:0], sum[:12]))
}
