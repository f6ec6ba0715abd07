package smtpwire

import "strconv"

// An Envelope is one message as MAIL and RCPT describe it. Addresses stand without
// angle brackets and have been checked; what could break out of a command is refused
// here once more.
type Envelope struct {
	From string // empty: the null return path
	To   []string
	// SizeBytes is the exact size of the content, before dot-stuffing.
	SizeBytes int64
	// EightBit and UTF8 say that the content, or an address or header field, needs the extension.
	EightBit, UTF8 bool
	// AllOrNone abandons the message before its content when one recipient is refused.
	AllOrNone bool
	// DisableChunking keeps to DATA where the server offers CHUNKING.
	DisableChunking bool
	// OneFlight sends the envelope and the content without waiting in between, where
	// the server offers PIPELINING and CHUNKING. The boundary is crossed before anything was answered.
	OneFlight bool
	// Notify, ReturnFull and EnvelopeID are the parameters of RFC 3461, sent where the server offers DSN.
	Notify, EnvelopeID string
	ReturnFull         bool
}

// maxFlightRecipients bounds how many replies wait unread while commands are written,
// so that neither side can be blocked by the other (RFC 2920 section 3.1).
const maxFlightRecipients = 100

func (e *Envelope) valid() bool {
	if e.From != "" && !IsPath(e.From) || e.EnvelopeID != "" && !isWord(e.EnvelopeID) || e.Notify != "" && !isWord(e.Notify) {
		return false
	}
	for _, to := range e.To {
		if !IsPath(to) {
			return false
		}
	}
	return len(e.To) > 0
}

// IsPath reports whether s, which is not the null path, can stand between the angle brackets of
// MAIL and RCPT without ending them.
func IsPath(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '<' || c == '>' || c == 0x7f {
			return false
		}
	}
	return s != ""
}

func (c *Conn) appendMail(e *Envelope) {
	b := append(append(append(c.out, "MAIL FROM:<"...), e.From...), '>')
	if c.ext.Size {
		b = strconv.AppendInt(append(b, " SIZE="...), e.SizeBytes, 10)
	}
	if e.EightBit {
		b = append(b, " BODY=8BITMIME"...)
	}
	if e.UTF8 {
		b = append(b, " SMTPUTF8"...)
	}
	if c.ext.DSN && (e.Notify != "" || e.EnvelopeID != "" || e.ReturnFull) {
		b = appendReturn(b, e)
	}
	c.out = append(b, "\r\n"...)
}

func appendReturn(b []byte, e *Envelope) []byte {
	if e.ReturnFull {
		b = append(b, " RET=FULL"...)
	} else {
		b = append(b, " RET=HDRS"...)
	}
	if e.EnvelopeID != "" {
		b = appendXtext(append(b, " ENVID="...), e.EnvelopeID)
	}
	return b
}

func (c *Conn) appendRcpt(e *Envelope, to string) {
	b := append(append(append(c.out, "RCPT TO:<"...), to...), '>')
	if c.ext.DSN && e.Notify != "" {
		b = append(append(b, " NOTIFY="...), e.Notify...)
	}
	c.out = append(b, "\r\n"...)
}

// appendXtext encodes as RFC 3461 section 4 asks.
func appendXtext(b []byte, s string) []byte {
	const hexDigits = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; c < '!' || c > '~' || c == '+' || c == '=' {
			b = append(b, '+', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}
