package smtpfake

import (
	"net"
	"strings"
)

// parsePath parses the argument of MAIL or RCPT: the keyword, a path in angle
// brackets, and parameters. A refusal has a code.
func (c *session) parsePath(keyword, arg string) (path string, params Params, refusal reply) {
	syntax := func(enhanced, why string) (string, Params, reply) {
		c.violate(RuleSyntax, "%s in %.80q", why, arg)
		return "", nil, say(501, enhanced, why)
	}
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return syntax("5.5.4", "no "+keyword)
	}
	rest := arg[len(keyword):]
	if !strings.HasPrefix(rest, "<") {
		return syntax("5.1.7", "no < after the colon")
	}
	end := pathEnd(rest)
	if end < 0 {
		return syntax("5.1.7", "no end of the path")
	}
	path, rest = rest[1:end], rest[end+1:]
	if !validPath(keyword, path) {
		return syntax("5.1.3", "malformed address")
	}
	if rest == "" {
		return path, nil, reply{}
	}
	if rest[0] != ' ' {
		return syntax("5.5.4", "no space after the path")
	}
	params, refusal = c.parseParams(rest[1:])
	return path, params, refusal
}

// pathEnd returns the index of the > that ends the path at the beginning of s,
// heeding quoted local parts (RFC 5321 section 4.1.2); negative when there is none.
func pathEnd(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			return i
		}
	}
	return -1
}

func validPath(keyword, path string) bool {
	switch {
	case path == "":
		return keyword == "FROM:" // the null reverse-path
	case keyword == "TO:" && strings.EqualFold(path, "postmaster"):
		return true
	}
	return validMailbox(path)
}

// validMailbox reports whether s is a Mailbox of RFC 5321 section 4.1.2 within its size
// limits. Source routes, which a server may refuse, are refused.
func validMailbox(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 {
		return false
	}
	return validLocalPart(s[:at]) && validMailDomain(s[at+1:])
}

func validLocalPart(s string) bool {
	if s[0] == '"' {
		return validQuoted(s)
	}
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtext) {
			return false
		}
	}
	return true
}

// notAtext reports characters outside atext of RFC 5322 section 3.2.3 and RFC 6531 section 3.3.
func notAtext(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune("()<>[]:;@\\,.\"", r)
}

func validQuoted(s string) bool {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		switch s[i] {
		case '\\':
			if i++; i == len(s)-1 {
				return false
			}
		case '"':
			return false
		}
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func validMailDomain(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && net.ParseIP(strings.TrimPrefix(inner, "IPv6:")) != nil
	}
	return validDomain(s)
}

// checkUTF8 refuses a path outside ASCII in a transaction without SMTPUTF8 (RFC 6531 section 3.4).
func (c *session) checkUTF8(path string, allowed bool) reply {
	if allowed || !hasEightBit([]byte(path)) {
		return reply{}
	}
	c.violate(RuleNonASCII, "path %.80q", path)
	return say(553, "5.6.7", "address outside ASCII needs SMTPUTF8")
}
