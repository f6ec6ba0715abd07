package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
)

// EnvelopeID is a short name for a set of recipients in their order. It travels with a message so that what
// a provider's log says about one request is not taken for another one's, which has the
// same Message-ID and went to others.
func EnvelopeID(recipients []string) string {
	h := sha256.New()
	for _, r := range recipients {
		_, _ = io.WriteString(h, r+"\n")
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
