package mailer

import (
	"slices"
	"strings"
)

// clone copies s without room to append in, where two owners of copies would meet.
func clone[S ~[]E, E any](s S) S { return slices.Clip(slices.Clone(s)) }

// inherit takes over the identity of the prepared message that p's was copied from.
func (p *prepared) inherit(old *prepared) {
	m := p.self
	p.boundary = old.boundary
	p.narrowed, p.recipients = old.narrowed, old.recipients
	p.minted = old.minted && m.MessageID == old.messageID
	// Another Message-ID makes another message: under the key derived from the old one, a
	// provider would take it for that and drop it.
	if m.MessageID != old.messageID && m.IdempotencyKey == strings.Trim(old.messageID, "<>") {
		m.IdempotencyKey = ""
	}
}

// unchanged reports whether what the envelope and the identity were made of is still
// what the header would be made of. A message changed in place would otherwise show
// one recipient and go to another. The rest of it the writer checks again.
func (p *prepared) unchanged() bool {
	m, rest := p.self, p.addresses
	for _, list := range [...][]Address{m.To, m.Cc, m.Bcc, m.ReplyTo} {
		if len(list) > len(rest) || !slices.Equal(list, rest[:len(list)]) {
			return false
		}
		rest = rest[len(list):]
	}
	return len(rest) == 0 && m.From == p.from && m.ReturnPath == p.givenReturn && m.MessageID == p.messageID
}
