package acs

import (
	"crypto/sha1" //nolint:gosec // UUID version 5 is made with it; it protects nothing
	"encoding/hex"
)

// namespace is that of the names that OperationID makes (RFC 9562 section 5.5), made up once.
var namespace = [16]byte{0x5b, 0x0e, 0x6f, 0xd2, 0x91, 0x3c, 0x4a, 0x07, 0xa4, 0x3d, 0xc8, 0x1f, 0x72, 0x66, 0xb9, 0xe4}

// OperationID returns the Operation-Id that a message with this [mailer.Message] IdempotencyKey has at the
// service, on every attempt and at every resource: a UUID of version 5 (RFC 9562). It is the
// Receipt's ProviderMessageID, and what [Client.Status] asks for.
func OperationID(idempotencyKey string) string {
	sum := sha1.Sum(append(namespace[:], idempotencyKey...)) //nolint:gosec // see above
	id := sum[:16]
	id[6] = id[6]&0x0f | 0x50 // version 5
	id[8] = id[8]&0x3f | 0x80 // variant of the RFC
	var text [36]byte
	b := hex.AppendEncode(text[:0], id[:4])
	for _, part := range [][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		b = hex.AppendEncode(append(b, '-'), part)
	}
	return string(b)
}
