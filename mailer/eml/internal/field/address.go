package field

import (
	"bytes"
	"io"
	"mime"
	"net/mail"
	"strings"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/charset"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// Addresses reads a list of mailboxes (RFC 5322 section 3.4). Names are decoded, also within quotes, where encoded
// words have no business and are common, and may have an @ and brackets without quotes. A group without members,
// such as "undisclosed-recipients:;", is an empty list; one with members or beside other addresses is refused,
// since its name would be lost.
func Addresses(s string) ([]mail.Address, error) {
	if a, ok := usualAddress(s); ok {
		return []mail.Address{a}, nil
	}
	if err := checkUTF8(s); err != nil {
		return nil, err
	}
	t := addressText{s: s, out: make([]byte, 0, len(s)+16)}
	if err := t.decode(); err != nil {
		return nil, err
	}
	if t.group {
		return nil, emptyGroup(s)
	}
	plain := string(t.out)
	if strings.Trim(plain, " \t,") == "" {
		return nil, nil
	}
	parser := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charsetReader}} // for names in comments
	parsed, err := parser.ParseList(plain)
	if err != nil {
		return nil, refuse.Invalid("is not a list of addresses of the form Name <local@domain>")
	}
	list := make([]mail.Address, len(parsed))
	for i, a := range parsed {
		list[i] = *a
	}
	return list, nil
}

// usualAddress reads what most fields hold, one mailbox of atoms and at most a name of them, without the
// detours that the other forms need.
func usualAddress(s string) (a mail.Address, ok bool) {
	name, spec, named := strings.Cut(s, " <")
	if named {
		spec, ok = strings.CutSuffix(spec, ">")
		if !ok || !areAtoms(name, ' ') {
			return a, false
		}
	} else {
		name, spec = "", s
	}
	local, domain, found := strings.Cut(spec, "@")
	ok = found && areAtoms(local, '.') && areAtoms(domain, '.') && !strings.Contains(s, "=?")
	return mail.Address{Name: name, Address: spec}, ok
}

// areAtoms reports whether s consists of atoms (RFC 5322 section 3.2.3) with one separator between each two.
func areAtoms(s string, separator byte) bool {
	last := separator
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9':
		case c == separator && last != separator:
		case strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0:
			return false
		}
		last = c
	}
	return last != separator
}

func charsetReader(name string, r io.Reader) (io.Reader, error) {
	octets, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s, err := charset.Decode(name, octets)
	return strings.NewReader(s), err
}

// emptyGroup is nil when s is one group without members, and nothing before it.
func emptyGroup(s string) error {
	name, members, _ := strings.Cut(s, ":")
	if !strings.ContainsAny(name, ",<@") && strings.Trim(members, "; \t") == "" {
		return nil
	}
	return refuse.Unsupported("has a group of addresses, whose name would be lost")
}

// addressText rewrites an address list so that every encoded word in it is a quoted string, in which
// nothing can be mistaken for a comma or the end of an address.
type addressText struct {
	s     string
	i     int
	out   []byte
	start int  // in out, of what may be a name
	group bool // there is a colon outside of quotes, comments and angle brackets
}

func (t *addressText) decode() error {
	angle := false
	for t.i < len(t.s) {
		switch c := t.s[t.i]; {
		case c == '"':
			if err := t.quoted(); err != nil {
				return err
			}
			continue
		case c == '(':
			n := commentLen(t.s[t.i:])
			if n == 0 {
				return refuse.Invalid("has a comment without an end")
			}
			t.keep(n)
			continue
		case c == '<':
			if !angle {
				t.quoteName()
			}
			angle = true
		case c == '>':
			angle = false
		case c == ':' && !angle:
			t.group = true
		case c == '=' && !angle:
			if done, err := t.words(); done || err != nil {
				if err != nil {
					return err
				}
				continue
			}
		}
		t.keep(1)
		if t.s[t.i-1] == ',' && !angle {
			t.start = len(t.out)
		}
	}
	return nil
}

// quoteName puts the name before an angle bracket in quotes, where it lacks them: many programs write an address
// or brackets there as they are, which mean nothing else in this place.
func (t *addressText) quoteName() {
	name := strings.Trim(string(t.out[t.start:]), wsp)
	if strings.ContainsAny(name, "@[]") && !strings.ContainsAny(name, `"\()<>:;`) {
		t.out = t.out[:t.start]
		t.quote(name)
	}
	t.start = len(t.out) // so that no octet is looked at twice
}

func (t *addressText) keep(n int) {
	t.out = append(t.out, t.s[t.i:t.i+n]...)
	t.i += n
}

// words decodes the encoded words at t.i, if there are any.
func (t *addressText) words() (done bool, err error) {
	rest := t.s[t.i:]
	for strings.HasPrefix(rest, "=?") {
		_, after, ok := cutWord(rest)
		if !ok {
			break
		}
		done = true
		if rest = strings.TrimLeft(after, wsp); !strings.HasPrefix(rest, "=?") {
			rest = after
		}
	}
	run := strings.TrimRight(t.s[t.i:len(t.s)-len(rest)], wsp)
	if !done {
		return false, nil
	}
	if continuesAddress(rest) {
		t.keep(len(run))
		return true, nil
	}
	text, err := Text(run)
	if err != nil {
		return false, err
	}
	t.quote(text)
	t.i += len(run)
	return true, nil
}

// quoted passes on a quoted string, decoded if it has encoded words and is not part of an address.
func (t *addressText) quoted() error {
	value, rest, ok := cutQuoted(t.s[t.i:])
	if !ok {
		return refuse.Invalid("has a quoted string without an end")
	}
	n := len(t.s) - t.i - len(rest)
	if !hasWord(value) || continuesAddress(rest) {
		t.keep(n)
		return nil
	}
	text, err := Text(value)
	if err != nil {
		return err
	}
	t.quote(text)
	t.i += n
	return nil
}

// continuesAddress reports whether what stood before rest is a local part, or some of it.
func continuesAddress(rest string) bool {
	return rest != "" && (rest[0] == '@' || rest[0] == '.')
}

func (t *addressText) quote(text string) {
	if !bytes.HasSuffix(t.out, []byte(" ")) {
		t.out = append(t.out, ' ')
	}
	t.out = append(t.out, '"')
	for i := range len(text) {
		if c := text[i]; c == '"' || c == '\\' {
			t.out = append(t.out, '\\')
		}
		t.out = append(t.out, text[i])
	}
	t.out = append(t.out, '"', ' ')
}
