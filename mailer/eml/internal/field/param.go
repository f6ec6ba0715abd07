package field

import (
	"strings"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// A Parameter of Content-Type or Content-Disposition, as it stands there but for quotes: Name, in lower
// case, keeps the asterisks of RFC 2231.
type Parameter struct{ Name, Value string }

// Parameters are in the order in which they were found, no name twice.
type Parameters []Parameter

// Get returns the value of a parameter without asterisks.
func (p Parameters) Get(name string) string {
	for i := range p {
		if p[i].Name == name {
			return p[i].Value
		}
	}
	return ""
}

// ParseValue splits "value; name=value; ..." (RFC 2045 section 5.1). What is common and has one meaning
// is read too: missing or doubled semicolons at the ends, unquoted values with spaces and other specials.
// The error is about syntax, or a name with two values.
func ParseValue(s string) (value string, params Parameters, err error) {
	value, rest, more := strings.Cut(s, ";")
	if value, err = token(value); err != nil {
		return "", nil, err
	}
	for n := 0; more; n++ {
		if n == maxParameters {
			return "", nil, refuse.Invalid("has more than %d parameters", maxParameters)
		}
		rest = skipCFWS(rest)
		if rest == "" {
			break
		}
		if rest[0] == ';' {
			rest = rest[1:]
			continue
		}
		var p Parameter
		if p, rest, more, err = cutParameter(rest); err != nil {
			return "", nil, err
		}
		if params, err = params.add(p); err != nil {
			return "", nil, err
		}
	}
	return value, params, nil
}

// maxParameters bounds the search for a name that stands twice, and that for the end of a comment, which may
// go to the end of the field each time.
const maxParameters = 200

func (p Parameters) add(q Parameter) (Parameters, error) {
	for i := range p {
		if p[i].Name == q.Name {
			if p[i].Value != q.Value {
				return nil, refuse.Invalid("has a parameter with two values")
			}
			return p, nil
		}
	}
	return append(p, q), nil
}

// token returns s without comments and white space around it.
func token(s string) (string, error) {
	s = skipCFWS(s)
	i := strings.IndexAny(s, " \t(")
	if i < 0 {
		return s, nil
	}
	if skipCFWS(s[i:]) != "" {
		return "", refuse.Invalid("is not of the form value; name=value")
	}
	return s[:i], nil
}

// skipCFWS returns s without the white space and the comments (RFC 5322 section 3.2.2) it begins with. A
// comment without an end is none.
func skipCFWS(s string) string {
	for {
		s = strings.TrimLeft(s, wsp)
		if s == "" || s[0] != '(' {
			return s
		}
		n := commentLen(s)
		if n == 0 {
			return s
		}
		s = s[n:]
	}
}

func commentLen(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// cutParameter cuts name=value and the semicolon after it; more reports whether there was one.
func cutParameter(s string) (p Parameter, rest string, more bool, err error) {
	name, rest, found := strings.Cut(s, "=")
	name = strings.Trim(name, wsp)
	if !found || name == "" || strings.ContainsAny(name, "\" \t;()<>@,:\\/[]?") {
		return p, "", false, refuse.Invalid("has a parameter that is not of the form name=value")
	}
	p.Name = strings.ToLower(name)
	rest = skipCFWS(rest)
	if rest != "" && rest[0] == '"' {
		p.Value, rest, found = cutQuoted(rest)
		if !found {
			return p, "", false, refuse.Invalid("has a quoted parameter without an end")
		}
		after, next, more := strings.Cut(rest, ";")
		if skipCFWS(after) != "" {
			return p, "", false, refuse.Invalid("has a quoted parameter that other text follows")
		}
		return p, next, more, nil
	}
	raw, rest, more := strings.Cut(rest, ";")
	raw = strings.Trim(raw, wsp)
	if p.Value, err = token(raw); err != nil || p.Value == "" {
		p.Value = raw // with its spaces
	}
	return p, rest, more, nil
}

// cutQuoted cuts a quoted string (RFC 5322 section 3.2.4).
//
// Quirk: a backslash counts as one before a quote and a backslash only, as package mime has it, because
// of programs that write paths of Windows as they are.
func cutQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// AppendParameter writes p after a media type, in quotes where it needs them.
func AppendParameter(b []byte, p Parameter) []byte {
	b = append(append(append(b, "; "...), p.Name...), '=')
	if isToken(p.Value) {
		return append(b, p.Value...)
	}
	b = append(b, '"')
	for i := range len(p.Value) {
		if c := p.Value[i]; c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, p.Value[i])
	}
	return append(b, '"')
}

func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= utf8.RuneSelf-1 || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
