package main

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// maxHeaderBytes bounds what is looked through for addresses.
const maxHeaderBytes = 1 << 20

// A field is a header field of a message that is given whole, without its line ends. It stands
// from start to end there, line ends included.
type field struct {
	name, value string
	start, end  int
}

// readFields returns the header of the message in content.
func readFields(content mailer.Content) ([]field, error) {
	r, err := content.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	head, err := io.ReadAll(io.LimitReader(r, maxHeaderBytes+1))
	if err != nil {
		return nil, err
	}
	fields := parseFields(head)
	if len(fields) > 0 && len(head) > maxHeaderBytes && !hasEmptyLine(head) {
		return nil, errLongHeader // the rest of it may name more recipients
	}
	return fields, nil
}

var errLongHeader = errors.New("the header is longer than 1 MiB")

func hasEmptyLine(msg []byte) bool {
	return bytes.Contains(msg, []byte("\n\n")) || bytes.Contains(msg, []byte("\n\r\n"))
}

// parseFields returns the fields that msg begins with. It has none where the first line is
// not one; later such lines are passed over.
func parseFields(msg []byte) (fields []field) {
	var name string
	var value []byte
	start, at := 0, 0
	end := func() {
		if name != "" {
			fields = append(fields, field{name, string(value), start, at})
		}
		name, value, start = "", nil, at
	}
	for whole := range bytes.Lines(msg) {
		line := bytes.TrimRight(whole, "\r\n")
		if len(line) == 0 {
			break
		}
		if name != "" && (line[0] == ' ' || line[0] == '\t') {
			value, at = append(value, line...), at+len(whole)
			continue
		}
		before, rest, _ := bytes.Cut(line, []byte{':'})
		next := string(bytes.TrimRight(before, " \t"))
		if end(); len(before) < len(line) && isFieldName(next) {
			name, value = next, append(value, rest...)
		} else if len(fields) == 0 {
			return nil
		}
		at += len(whole)
	}
	end()
	return fields
}

func isFieldName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func has(fields []field, name string) bool {
	for _, f := range fields {
		if strings.EqualFold(f.name, name) {
			return true
		}
	}
	return false
}

// addressesIn returns the addresses of all fields called name. A name without a domain, such as
// cron's "root", is an address without an @.
func addressesIn(fields []field, name string) (list []string, err error) {
	for _, f := range fields {
		if !strings.EqualFold(f.name, name) || strings.TrimSpace(f.value) == "" {
			continue
		}
		more, err := parseList(f.value)
		if err != nil {
			return nil, errors.New("the header's " + name + " is not a list of addresses")
		}
		list = append(list, more...)
	}
	return list, nil
}

// parseList takes a list of addresses one by one where it does not hold together.
func parseList(value string) (list []string, err error) {
	if parsed, err := mail.ParseAddressList(value); err == nil {
		for _, a := range parsed {
			list = append(list, spec(a))
		}
		return list, nil
	}
	parts, err := splitList(value)
	if err != nil {
		return nil, err
	}
	for _, part := range parts {
		a, err := parseOne(part)
		if err != nil {
			return nil, err
		}
		list = append(list, spec(a))
	}
	return list, nil
}

// splitList splits a list at its commas, but not at those in quotes, comments or angle brackets, each of which
// must have an end: whom it hides without one, nobody knows.
func splitList(value string) (parts []string, err error) {
	start, depth, end := 0, 0, byte(0)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && (end == '"' || end == ')'):
			i++
		case end == ')' && c == '(':
			depth++
		case end != 0 && c == end:
			if depth--; depth == 0 {
				end = 0
			}
		case end != 0:
		case c == '"', c == '(', c == '<':
			depth, end = 1, map[byte]byte{'"': '"', '(': ')', '<': '>'}[c]
		case c == ',':
			parts, start = append(parts, value[start:i]), i+1
		}
	}
	if end != 0 {
		return nil, errNoAddress
	}
	return append(parts, value[start:]), nil
}

// spec returns the address of a as it is written. Without its quotes, a local part with a comma
// in it would be read as somebody else.
func spec(a *mail.Address) string {
	if isLocal(a) {
		return a.Address
	}
	return strings.Trim((&mail.Address{Address: a.Address}).String(), "<>")
}

// isLocal reports whether a is the name of one of this machine's users.
func isLocal(a *mail.Address) bool { return !strings.Contains(a.Address, "@") }

// parseOne also takes what cron writes: root, root (Cron Daemon) and "(Cron Daemon)" <root>. Where only the name
// beside an address is odd, such as one in a charset that net/mail does not know, or of brackets or an @ without
// quotes, it returns the address without it.
func parseOne(text string) (*mail.Address, error) {
	if a, err := mail.ParseAddress(text); err == nil {
		return a, nil
	}
	before, user, after := cutAddress(strings.Trim(text, " \t"))
	isOne := !strings.ContainsAny(strings.TrimSuffix(before, "<"), "<>:;") && strings.Count(after, ")") < 2
	if isOne && strings.Contains(user, "@") {
		a, err := mail.ParseAddress("<" + user + ">")
		if err != nil {
			return nil, errNoAddress
		}
		return a, nil
	}
	if user == "" || strings.ContainsAny(user, " \t\"@<>()[]:;,\\") {
		return nil, errNoAddress
	}
	a, err := mail.ParseAddress(before + user + "@localhost" + after)
	if err != nil {
		return nil, errNoAddress
	}
	return &mail.Address{Name: a.Name, Address: user}, nil
}

// cutAddress returns what stands in the angle brackets at the end of text, or else before a comment there, with
// what is around it.
func cutAddress(text string) (before, address, after string) {
	if i := strings.LastIndexByte(text, '<'); i >= 0 && strings.HasSuffix(text, ">") {
		return text[:i+1], text[i+1 : len(text)-1], ">"
	}
	if i := strings.IndexByte(text, '('); i >= 0 && strings.HasSuffix(text, ")") {
		return "", strings.TrimRight(text[:i], " \t"), text[i:]
	}
	return "", text, ""
}

var errNoAddress = errors.New("is not an address")
