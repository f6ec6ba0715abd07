package smtpfake

import (
	"strconv"
	"strings"
)

// parseParams parses esmtp-params of RFC 5321 section 4.1.2.
func (c *session) parseParams(s string) (Params, reply) {
	params := make(Params)
	for field := range strings.SplitSeq(s, " ") {
		keyword, value, hasValue := strings.Cut(field, "=")
		keyword = strings.ToUpper(keyword)
		if !validKeyword(keyword) || hasValue && !validValue(value) || params.Has(keyword) {
			c.violate(RuleParameter, "malformed or repeated: %.80q", field)
			return nil, say(501, "5.5.4", "malformed or repeated parameter")
		}
		params[keyword] = value
	}
	return params, reply{}
}

func validKeyword(s string) bool {
	return validLabel(strings.TrimRight(s, "-")) && !hasEightBit([]byte(s))
}

// validValue takes any printable character but "=" and space, and UTF-8 (RFC 6531 section 3.3).
func validValue(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '=' || r == 0x7f })
}

// A paramRule says when a parameter is offered and what values it takes.
type paramRule struct {
	offered bool
	valid   func(value string) bool
}

func (c *session) checkMailParams(params Params) reply {
	x := &c.cfg.Extensions
	refusal := c.checkParams(params, func(keyword string) paramRule {
		switch keyword {
		case "SIZE":
			return paramRule{x.SizeLimit != 0, isSize}
		case "BODY":
			return paramRule{x.EightBitMIME || x.BinaryMIME, x.validBody}
		case "SMTPUTF8":
			return paramRule{x.SMTPUTF8, func(value string) bool { return value == "" }}
		case "RET":
			return paramRule{x.DSN, func(value string) bool { return isOneOf(value, "FULL", "HDRS") }}
		case "ENVID":
			return paramRule{x.DSN, func(value string) bool { return isXtext(value) && len(value) <= 100 }}
		case "AUTH": // RFC 4954 section 5
			return paramRule{len(c.offeredMechanisms()) > 0, func(value string) bool { return value == "<>" || isXtext(value) }}
		}
		return paramRule{}
	})
	if refusal.code != 0 {
		return refusal
	}
	declared, _ := strconv.ParseInt(params["SIZE"], 10, 64)
	if c.cfg.SizeLimit > 0 && declared > c.cfg.SizeLimit {
		return say(552, "5.3.4", "message too big")
	}
	return reply{}
}

func (c *session) checkRcptParams(params Params) reply {
	return c.checkParams(params, func(keyword string) paramRule {
		switch keyword {
		case "NOTIFY":
			return paramRule{c.cfg.DSN, isNotify}
		case "ORCPT":
			return paramRule{c.cfg.DSN, isOriginalRecipient}
		}
		return paramRule{}
	})
}

// checkParams answers as RFC 5321 section 4.1.1.11 says.
func (c *session) checkParams(params Params, rule func(keyword string) paramRule) reply {
	for keyword, value := range params {
		switch r := rule(keyword); {
		case !r.offered || !c.extended:
			c.violate(RuleParameter, "%s, which is not offered", keyword)
			return say(555, "5.5.4", "parameter "+keyword+" not recognised")
		case !r.valid(value):
			c.violate(RuleParameter, "%s=%.80q", keyword, value)
			return say(501, "5.5.4", "value of "+keyword+" not valid")
		}
	}
	return reply{}
}

func isSize(value string) bool {
	_, err := strconv.ParseUint(value, 10, 63)
	return err == nil && len(value) <= 20
}

func (x *Extensions) validBody(value string) bool {
	switch value {
	case "7BIT":
		return true
	case "8BITMIME":
		return x.EightBitMIME
	case "BINARYMIME":
		return x.BinaryMIME && x.Chunking
	}
	return false
}

func isOneOf(value string, words ...string) bool {
	for _, word := range words {
		if strings.EqualFold(value, word) {
			return true
		}
	}
	return false
}

// isNotify checks NOTIFY= of RFC 3461 section 4.1.
func isNotify(value string) bool {
	if strings.EqualFold(value, "NEVER") {
		return true
	}
	for word := range strings.SplitSeq(value, ",") {
		if !isOneOf(word, "SUCCESS", "FAILURE", "DELAY") {
			return false
		}
	}
	return true
}

// isOriginalRecipient checks ORCPT= of RFC 3461 section 4.2.
func isOriginalRecipient(value string) bool {
	kind, address, ok := strings.Cut(value, ";")
	return ok && validLabel(kind) && isXtext(address) && len(value) <= 500
}

// isXtext checks xtext of RFC 3461 section 4, in which "+" begins two hexadecimal digits.
func isXtext(s string) bool {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			if i+2 >= len(s) || !isUpperHex(s[i+1]) || !isUpperHex(s[i+2]) {
				return false
			}
			i += 2
		case s[i] <= ' ' || s[i] > '~' || s[i] == '=':
			return false
		}
	}
	return s != ""
}

func isUpperHex(b byte) bool { return '0' <= b && b <= '9' || 'A' <= b && b <= 'F' }
