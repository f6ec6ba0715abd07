package dsn

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// Of what a user wrote, an error may repeat only a scheme and a parameter's name of
// these forms; see also [parts.certain].
var (
	schemeName    = regexp.MustCompile(`^[a-z][a-z0-9+.-]{0,31}$`)
	parameterName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,30}$`)
)

// cutScheme returns an empty name where there is none that may be shown.
func cutScheme(s string) (name, rest string) {
	name, rest, found := strings.Cut(s, "://")
	if !found || !schemeName.MatchString(name) {
		return "", ""
	}
	return name, rest
}

// A span is a stretch of the string. Delimiters are looked for in masked, where
// references are blanked out, so that ${file:C:\mail?key} is one value.
type span struct{ raw, masked string }

func newSpan(s string) span {
	masked := []byte(s)
	for from := 0; ; {
		start := strings.Index(s[from:], "${")
		if start < 0 {
			break
		}
		start += from
		length := strings.IndexByte(s[start:], '}') + 1
		if length == 0 {
			break
		}
		from = start + length
		copy(masked[start:from], strings.Repeat("x", length))
	}
	return span{s, string(masked)}
}

func (s span) has(chars string) bool { return strings.ContainsAny(s.masked, chars) }

// cut is strings.Cut outside references.
func (s span) cut(sep string) (before, after span, found bool) {
	if i := strings.Index(s.masked, sep); i >= 0 {
		return s.slice(0, i), s.slice(i+len(sep), len(s.masked)), true
	}
	return s, span{}, false
}

// cutUserInfo cuts at the last @.
func (s span) cutUserInfo() (userInfo, authority span, found bool) {
	if i := strings.LastIndexByte(s.masked, '@'); i >= 0 {
		return s.slice(0, i), s.slice(i+1, len(s.masked)), true
	}
	return span{}, s, false
}

func (s span) slice(from, to int) span { return span{s.raw[from:to], s.masked[from:to]} }

// trim leaves out the white space around s.
func (s span) trim() span {
	from := len(s.masked) - len(strings.TrimLeft(s.masked, whiteSpace))
	return s.slice(from, max(from, len(strings.TrimRight(s.masked, whiteSpace))))
}

// cutClosing cuts at the ) of the ( that stands before s.
func (s span) cutClosing() (inner, after span, found bool) {
	for i, open := 0, 1; i < len(s.masked); i++ {
		if open += bracket(s.masked[i]); open == 0 {
			return s.slice(0, i), s.slice(i+1, len(s.masked)), true
		}
	}
	return span{}, span{}, false
}

// fields returns what white space separates, outside of parentheses.
func (s span) fields() []span {
	var fields []span
	start, open := 0, 0
	for i := range len(s.masked) + 1 {
		if i < len(s.masked) {
			open += bracket(s.masked[i])
			if open > 0 || strings.IndexByte(whiteSpace, s.masked[i]) < 0 {
				continue
			}
		}
		if start < i {
			fields = append(fields, s.slice(start, i))
		}
		start = i + 1
	}
	return fields
}

// bracket returns by how much c changes the number of open parentheses.
func bracket(c byte) int {
	switch c {
	case '(':
		return 1
	case ')':
		return -1
	}
	return 0
}

// parts are the pieces of what follows "://", as they are written.
type parts struct {
	userInfo    span
	hasUserInfo bool
	authority   span
	query       span
}

func split(rest string) parts {
	head, query, _ := newSpan(rest).cut("?")
	p := parts{query: query}
	p.userInfo, p.authority, p.hasUserInfo = head.cutUserInfo()
	return p
}

// optionParts returns what stands after the ) of a composite as parts, which the )
// sets off as surely as an @ does after a user.
func optionParts(options span) parts { return parts{hasUserInfo: true, query: options} }

// lateAt reports whether the user information was probably meant to end after the
// first ?, so that parts of a password were taken for host and parameters. An address
// in "from" is no sign of that.
func (p parts) lateAt() bool {
	return !p.hasUserInfo && slices.ContainsFunc(p.pairs(), func(pair span) bool {
		return pair.has("@") && !strings.HasPrefix(pair.raw, "from=")
	})
}

// certain reports whether the user information surely ended where it was cut. No host
// holds an @, so it did unless an @ comes after the first ?. Only then may what
// follows be shown: everything else may be part of a password.
func (p parts) certain() bool { return p.hasUserInfo && !strings.Contains(p.query.raw, "@") }

// check refuses characters that cannot stand where they do.
func (p parts) check() error {
	switch {
	case p.userInfo.has(" ()") || p.authority.has(" ()") || p.query.has(" ()"):
		return errors.New("a space, ( or ) inside a value is written %20, %28 or %29")
	case p.authority.has(","):
		return errors.New("a comma stands behind the host: spaces alone separate the members of a composite")
	case p.authority.has("/"):
		return errors.New("nothing but ? and parameters may follow the host, no path")
	case p.authority.has("#") || p.query.has("#"):
		return errors.New("no fragment may follow the host; inside a parameter # is written %23")
	}
	return nil
}

// hostPort returns the host, brackets included, and the port, as they are written.
func (p parts) hostPort() (host, port string, hasPort bool, err error) {
	s := p.authority
	if strings.HasPrefix(s.masked, "[") {
		end := strings.IndexByte(s.masked, ']') + 1
		port, hasPort = strings.CutPrefix(s.raw[end:], ":")
		if end == 0 || port != "" && !hasPort {
			return "", "", false, errHost
		}
		return s.raw[:end], port, hasPort, nil
	}
	before, after, hasPort := s.cut(":")
	if after.has(":") {
		return "", "", false, errPort
	}
	return before.raw, after.raw, hasPort, nil
}

// pairs returns the parameters, name=value each.
func (p parts) pairs() []span {
	if p.query.raw == "" {
		return nil
	}
	var pairs []span
	for rest, more := p.query, true; more; {
		var pair span
		pair, rest, more = rest.cut("&")
		pairs = append(pairs, pair)
	}
	return pairs
}
