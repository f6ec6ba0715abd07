package field

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/charset"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// Decoded returns the text of the parameter called name, and whether there is one: in the extended form
// of RFC 2231, whole or in pieces, else plain. Encoded words in it (RFC 2047), which no standard allows
// there and many programs write, are decoded.
func (p Parameters) Decoded(name string) (text string, found bool, err error) {
	for i := range p {
		if p[i].Name == name+"*" {
			text, err = decodeExtended(p[i].Value)
			return text, true, err
		}
	}
	pieces, err := p.pieces(name)
	if err != nil {
		return "", true, err
	}
	if len(pieces) > 0 {
		text, err = joinPieces(pieces)
		return text, true, err
	}
	for i := range p {
		if p[i].Name == name {
			text, err = Text(p[i].Value)
			return text, true, err
		}
	}
	return "", false, nil
}

// IsOf reports whether p is the parameter called name in any of its forms.
func (p Parameter) IsOf(name string) bool {
	rest, found := strings.CutPrefix(p.Name, name)
	return found && (rest == "" || rest[0] == '*')
}

// decodeExtended reads charset'language'percent-encoded (RFC 2231 section 4).
func decodeExtended(s string) (string, error) {
	name, encoded, found := cutCharset(s)
	if !found {
		return Text(s) // a plain value under an extended name
	}
	octets, err := percentDecode(nil, encoded)
	if err != nil {
		return "", err
	}
	return charset.Decode(name, octets)
}

func cutCharset(s string) (name, rest string, found bool) {
	name, rest, found = strings.Cut(s, "'")
	if !found {
		return "", s, false
	}
	_, rest, found = strings.Cut(rest, "'")
	return name, rest, found
}

// A piece is name*N=value or name*N*=value (RFC 2231 section 3).
type piece struct {
	n       int
	encoded bool
	value   string
}

// pieces returns those of name in their order, which is not that of the field.
func (p Parameters) pieces(name string) ([]piece, error) {
	var all []piece
	for i := range p {
		number, found := strings.CutPrefix(p[i].Name, name+"*")
		if !found {
			continue
		}
		number, encoded := strings.CutSuffix(number, "*")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n > maxParameters {
			return nil, refuse.Invalid("has a parameter in pieces without a number")
		}
		all = append(all, piece{n, encoded, p[i].Value})
	}
	slices.SortStableFunc(all, func(a, b piece) int { return a.n - b.n })
	for i := range all {
		if all[i].n != i {
			return nil, refuse.Invalid("has a parameter of which a piece is missing or there twice")
		}
	}
	return all, nil
}

// joinPieces decodes all octets together: a character may be cut by the end of a piece.
func joinPieces(pieces []piece) (string, error) {
	name, extended := "", false
	if first := &pieces[0]; first.encoded {
		name, first.value, extended = cutCharset(first.value)
	}
	var octets []byte
	for _, q := range pieces {
		if !q.encoded {
			octets = append(octets, q.value...)
			continue
		}
		var err error
		if octets, err = percentDecode(octets, q.value); err != nil {
			return "", err
		}
	}
	if !extended {
		return Text(string(octets))
	}
	return charset.Decode(name, octets)
}

func percentDecode(dst []byte, s string) ([]byte, error) {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			dst = append(dst, s[i])
			continue
		}
		if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
			return nil, refuse.Invalid("has a parameter with a misplaced percent sign")
		}
		dst = append(dst, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
		i += 2
	}
	return dst, nil
}
