package smtpfake

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// maxTextLineBytes is the limit of RFC 5321 section 4.5.3.1.6, line end included and a stuffed dot not.
const maxTextLineBytes = 1000

// A body takes the content of one message in pieces, checks it, and keeps what the
// mode says. Beyond the size limit it keeps nothing.
type body struct {
	mode  ContentMode
	limit int64 // no limit when zero
	size  int64
	data  []byte
	sum   hash.Hash

	line     int64 // bytes in the line so far
	afterCR  bool  // the last byte was CR
	bareCR   bool
	bareLF   bool
	nul      bool
	eightBit bool
	longLine bool
}

func (b *body) begin(cfg *Config) {
	b.mode, b.limit = cfg.Content, max(cfg.SizeLimit, 0)
	switch b.mode {
	case KeepContent:
		b.data = []byte{}
	case DigestContent:
		b.sum = sha256.New()
	}
}

func (b *body) add(p []byte) {
	if len(p) == 0 {
		return
	}
	b.check(p)
	b.size += int64(len(p))
	switch {
	case b.limit > 0 && b.size > b.limit:
		b.data = nil
	case b.mode == KeepContent:
		b.data = append(b.data, p...)
	case b.mode == DigestContent:
		b.sum.Write(p)
	}
}

func (b *body) digest() (sum [sha256.Size]byte) {
	if b.sum != nil {
		b.sum.Sum(sum[:0])
	}
	return sum
}

func (b *body) check(p []byte) {
	b.eightBit = b.eightBit || hasEightBit(p)
	b.nul = b.nul || bytes.IndexByte(p, 0) >= 0
	if b.afterCR && p[0] != '\n' {
		b.bareCR = true
	}
	b.afterCR = b.afterCR && p[0] == '\n'
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			b.grow(len(rest))
			b.checkCR(rest[:len(rest)-1]) // a CR at the very end may have its LF in the next piece
			break
		}
		if i > 0 && rest[i-1] == '\r' {
			b.checkCR(rest[:i-1])
		} else {
			b.bareLF = b.bareLF || !(i == 0 && b.afterCR)
			b.checkCR(rest[:i])
		}
		b.grow(i + 1)
		b.line, b.afterCR = 0, false
		rest = rest[i+1:]
	}
	b.afterCR = p[len(p)-1] == '\r'
}

func (b *body) grow(n int) {
	b.line += int64(n)
	b.longLine = b.longLine || b.line > maxTextLineBytes
}

func (b *body) checkCR(p []byte) {
	b.bareCR = b.bareCR || bytes.IndexByte(p, '\r') >= 0
}

// finish checks what only the end of the content shows.
func (b *body) finish() { b.bareCR = b.bareCR || b.afterCR }

func hasEightBit(p []byte) bool {
	const high = 0x8080808080808080
	for ; len(p) >= 8; p = p[8:] {
		if binary.LittleEndian.Uint64(p)&high != 0 {
			return true
		}
	}
	for _, c := range p {
		if c >= 0x80 {
			return true
		}
	}
	return false
}
