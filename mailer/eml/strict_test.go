package eml_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"strings"
	"testing"
)

// An entity is a message or a part as a reader sees it that forgives nothing.
type entity struct {
	header []field
	kind   string // media type
	params map[string]string
	body   []byte // decoded; nil for a multipart
	kids   []*entity
}

type field struct{ name, value string } // unfolded, not decoded

func (e *entity) values(name string) []string {
	var values []string
	for _, f := range e.header {
		if strings.EqualFold(f.name, name) {
			values = append(values, f.value)
		}
	}
	return values
}

func (e *entity) value(name string) string { return strings.Join(e.values(name), "\n") }

// shape names the structure: "mixed(text/plain application/pdf)".
func (e *entity) shape() string {
	if e.kids == nil {
		return e.kind
	}
	shapes := make([]string, len(e.kids))
	for i, k := range e.kids {
		shapes[i] = k.shape()
	}
	return strings.TrimPrefix(e.kind, "multipart/") + "(" + strings.Join(shapes, " ") + ")"
}

// leaves returns all parts that are no multiparts, in order.
func (e *entity) leaves() []*entity {
	if e.kids == nil {
		return []*entity{e}
	}
	var all []*entity
	for _, k := range e.kids {
		all = append(all, k.leaves()...)
	}
	return all
}

func (e *entity) fileName(tb testing.TB) string {
	tb.Helper()
	_, params, err := mime.ParseMediaType(e.value("Content-Disposition"))
	if err != nil {
		tb.Fatalf("Content-Disposition %q: %v", e.value("Content-Disposition"), err)
	}
	return params["filename"]
}

// parseStrict checks every octet of a whole message.
func parseStrict(tb testing.TB, b []byte) *entity {
	tb.Helper()
	if err := checkWire(b); err != nil {
		tb.Fatalf("%v in\n%q", err, b)
	}
	e, err := parseEntity(b)
	if err != nil {
		tb.Fatalf("%v in\n%s", err, b)
	}
	if got := e.value("MIME-Version"); got != "1.0" {
		tb.Fatalf("MIME-Version is %q", got)
	}
	return e
}

// checkWire is what SMTP asks of any message.
func checkWire(b []byte) error {
	if !bytes.HasSuffix(b, []byte("\r\n")) {
		return fmt.Errorf("no CRLF at the end")
	}
	for i, line := range bytes.Split(b[:len(b)-2], []byte("\r\n")) {
		switch {
		case bytes.ContainsAny(line, "\r\n\x00"):
			return fmt.Errorf("line %d has a CR, LF or NUL", i+1)
		case len(line) > 998:
			return fmt.Errorf("line %d has %d octets", i+1, len(line))
		}
	}
	return nil
}

func parseEntity(b []byte) (*entity, error) {
	e := new(entity)
	var err error
	if e.header, b, err = parseHeader(b); err != nil {
		return nil, err
	}
	for _, name := range []string{"Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID"} {
		if n := len(e.values(name)); n > 1 || n == 0 && name == "Content-Type" {
			return nil, fmt.Errorf("%d fields %s", n, name)
		}
	}
	if e.kind, e.params, err = mime.ParseMediaType(e.value("Content-Type")); err != nil {
		return nil, fmt.Errorf("Content-Type %q: %w", e.value("Content-Type"), err)
	}
	encoding := e.value("Content-Transfer-Encoding")
	if strings.HasPrefix(e.kind, "multipart/") {
		if encoding != "8bit" && !allASCII(b) || encoding != "8bit" && encoding != "" {
			return nil, fmt.Errorf("a multipart is encoded %q", encoding)
		}
		return e, e.parseParts(b)
	}
	e.body, err = decode(encoding, b)
	return e, err
}

func allASCII(b []byte) bool {
	return bytes.IndexFunc(b, func(r rune) bool { return r >= 0x80 }) < 0
}

func parseHeader(b []byte) (fields []field, rest []byte, err error) {
	for {
		line, after, found := bytes.Cut(b, []byte("\r\n"))
		if !found {
			return nil, nil, fmt.Errorf("the header does not end")
		}
		b = after
		switch {
		case len(line) == 0:
			for i := range fields {
				fields[i].value = strings.TrimPrefix(fields[i].value, " ")
			}
			return fields, b, nil
		case len(bytes.Trim(line, " \t")) == 0:
			return nil, nil, fmt.Errorf("a line of the header is blank")
		case line[0] == ' ' || line[0] == '\t':
			if fields == nil {
				return nil, nil, fmt.Errorf("the header begins with a folded line")
			}
			fields[len(fields)-1].value += string(line)
			continue
		}
		name, value, found := strings.Cut(string(line), ":")
		if !found || name == "" || strings.ContainsAny(name, " \t") {
			return nil, nil, fmt.Errorf("%q is no header field", line)
		}
		if fields = append(fields, field{name, value}); len(after) == 0 {
			return nil, nil, fmt.Errorf("the header does not end")
		}
	}
}

// parseParts asks for delimiters that nothing else begins with, and for nothing around them.
func (e *entity) parseParts(b []byte) error {
	delimiter := "--" + e.params["boundary"]
	if len(delimiter) < 10 || len(delimiter) > 72 {
		return fmt.Errorf("boundary %q", e.params["boundary"])
	}
	rest, found := bytes.CutPrefix(b, []byte(delimiter+"\r\n"))
	if !found {
		return fmt.Errorf("a preamble")
	}
	for {
		part, after, found := bytes.Cut(rest, []byte("\r\n"+delimiter))
		if !found {
			return fmt.Errorf("%s is not closed", delimiter)
		}
		kid, err := parseEntity(part)
		if err != nil {
			return err
		}
		e.kids = append(e.kids, kid)
		if end, closed := bytes.CutPrefix(after, []byte("--")); closed {
			if len(bytes.TrimPrefix(end, []byte("\r\n"))) > 0 {
				return fmt.Errorf("an epilogue: %q", end)
			}
			break
		}
		if rest, found = bytes.CutPrefix(after, []byte("\r\n")); !found {
			return fmt.Errorf("%s begins a line of its own", delimiter)
		}
	}
	if len(e.kids) < 2 {
		return fmt.Errorf("%s has %d part", e.kind, len(e.kids))
	}
	return nil
}

func decode(encoding string, b []byte) ([]byte, error) {
	switch encoding {
	case "7bit":
		if !allASCII(b) {
			return nil, fmt.Errorf("7bit is not")
		}
		return b, nil
	case "8bit":
		return b, nil
	case "base64":
		lines := strings.Split(strings.TrimSuffix(string(b), "\r\n"), "\r\n")
		for i, line := range lines {
			if len(line) > 76 || len(line) != 76 && i < len(lines)-1 {
				return nil, fmt.Errorf("a line of base64 has %d characters", len(line))
			}
		}
		return base64.StdEncoding.Strict().DecodeString(strings.Join(lines, ""))
	case "quoted-printable":
		return decodeQuoted(b)
	}
	return nil, fmt.Errorf("Content-Transfer-Encoding %q", encoding)
}

func decodeQuoted(b []byte) ([]byte, error) {
	out := []byte{}
	for line, last := []byte(nil), false; !last; {
		var found bool
		line, b, found = bytes.Cut(b, []byte("\r\n"))
		last = !found
		if len(line) > 76 || bytes.HasSuffix(line, []byte(" ")) || bytes.HasSuffix(line, []byte("\t")) {
			return nil, fmt.Errorf("a line of quoted-printable is %q", line)
		}
		soft := bytes.HasSuffix(line, []byte("="))
		for line = bytes.TrimSuffix(line, []byte("=")); len(line) > 0; {
			c := line[0]
			if c == '=' {
				if _, err := fmt.Sscanf(strings.ToLower(string(line[1:min(3, len(line))]))+"|", "%02x|", &c); err != nil || len(line) < 3 {
					return nil, fmt.Errorf("quoted-printable has %q", line)
				}
				line = line[2:]
			} else if c < ' ' && c != '\t' || c > '~' {
				return nil, fmt.Errorf("quoted-printable has a literal %#x", c)
			}
			out, line = append(out, c), line[1:]
		}
		if !soft && !last {
			out = append(out, "\r\n"...)
		}
	}
	return out, nil
}

// crlf is what a text becomes: the reference for the writer's own way.
func crlf(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}
