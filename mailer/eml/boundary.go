package eml

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// setToken settles what boundaries are made of. They begin with "=_", which neither quoted-printable
// nor base64 can hold (RFC 2045 section 6.7); in text that stands as it is the token itself is looked
// for, and another one derived from it where it occurs, the same whenever the message is rendered.
func (w *writer) setToken(t string, l *layout) error {
	if len(t) < 8 || len(t) > 40 || !only(t, atext) {
		return errors.New("boundary is not a word of 8 to 40 characters")
	}
	w.token = t
	if l.bodies+l.inline+l.attached == 1 {
		return nil // one part, no boundary
	}
	for l.plain.holds(w.token) || l.html.holds(w.token) {
		sum := sha256.Sum256([]byte(w.token + l.plain.s + l.html.s))
		w.token = hex.EncodeToString(sum[:10])
	}
	return nil
}

func (t *text) holds(boundary string) bool {
	return t.encoding <= eightBit && strings.Contains(t.s, boundary)
}

// multipart begins a multipart. It is marked 8bit when a part of it is (RFC 2045 section 6.4), and
// texts stand within every level.
func (w *writer) multipart(level, rootType string, l *layout) {
	w.literal("Content-Type: multipart/")
	w.literal(level)
	if rootType != "" {
		w.literal(";\r\n type=\"")
		w.literal(rootType)
		w.literal("\"")
	}
	w.literal(";\r\n boundary=\"")
	w.boundary(level)
	w.literal("\"\r\n")
	if l.hasEightBit() {
		w.literal("Content-Transfer-Encoding: 8bit\r\n")
	}
}

// boundary writes the boundary of a level. None is the beginning of another.
func (w *writer) boundary(level string) {
	w.literal("=_")
	w.b = append(w.b, level[0], '_')
	w.literal(w.token)
}

func (w *writer) delimiter(level string) {
	w.literal("\r\n--")
	w.boundary(level)
	w.literal("\r\n")
}

func (w *writer) closeMultipart(level string) {
	w.literal("\r\n--")
	w.boundary(level)
	w.literal("--")
	w.midLine = true
}
