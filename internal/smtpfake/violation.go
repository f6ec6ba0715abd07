package smtpfake

import "fmt"

// A Violation is something a client did that the protocol, or the extensions that
// were offered, do not allow.
type Violation struct {
	Conn   int
	Rule   Rule
	Detail string
}

// String returns one line.
func (v Violation) String() string {
	return fmt.Sprintf("connection %d: %s: %s", v.Conn, v.Rule, v.Detail)
}

// A Rule names what was violated.
type Rule string

// The rules.
const (
	RuleBareCR      Rule = "bare CR"               // RFC 5321 section 2.3.8
	RuleBareLF      Rule = "bare LF"               // RFC 5321 section 2.3.8
	RuleNUL         Rule = "NUL in content"        // RFC 5321 section 4.5.2
	RuleLineLength  Rule = "line too long"         // RFC 5321 section 4.5.3.1, widened by extensions
	RuleEightBit    Rule = "8-bit content"         // RFC 6152 section 3: without BODY=8BITMIME
	RuleNonASCII    Rule = "non-ASCII command"     // RFC 6531 section 3.1: without SMTPUTF8
	RuleSize        Rule = "size"                  // RFC 1870: SIZE= is not the size that came
	RuleSyntax      Rule = "syntax"                // RFC 5321 section 4.1
	RuleSequence    Rule = "sequence"              // RFC 5321 section 4.1.4
	RuleUnknown     Rule = "unknown command"       // not offered, or not known at all
	RuleParameter   Rule = "parameter"             // RFC 5321 section 4.1.1.11: not offered, repeated, malformed
	RulePipelining  Rule = "pipelining"            // RFC 2920 section 3.1: not offered, or not at the end of a group
	RuleEarlyTalk   Rule = "talk before greeting"  // RFC 5321 section 3.1; seen only while a hook delays the greeting
	RuleInjection   Rule = "bytes before TLS"      // RFC 3207 section 4: sent after STARTTLS in clear
	RuleAuth        Rule = "auth"                  // RFC 4954 section 4
	RuleClearAuth   Rule = "auth in clear"         // credentials before TLS where it is required
	RuleMixed       Rule = "DATA and BDAT"         // RFC 3030 section 2: both in one transaction
	RuleNoRecipient Rule = "content, no recipient" // RFC 2920 section 3.1: only a lone dot may follow such a 354
	RuleAfterQuit   Rule = "command after QUIT"    // RFC 5321 section 4.1.1.10
)

func (c *session) violate(rule Rule, format string, args ...any) {
	c.srv.record.violation(Violation{c.number, rule, fmt.Sprintf(format, args...)})
}
