package netsmtp

import "bytes"

// hideBcc returns msg without the Bcc fields of its header (RFC 5322 section 3.6.3); msg
// itself where there are none.
func hideBcc(msg []byte) []byte {
	end := headerLen(msg)
	var kept []byte
	from, dropping := 0, false
	for at := mailboxLen(msg); at < end; {
		line := firstLine(msg[at:])
		if line[0] != ' ' && line[0] != '\t' {
			dropping = bytes.EqualFold(fieldName(line), []byte("Bcc"))
		}
		next := at + len(line)
		if dropping {
			kept = append(kept, msg[from:at]...)
			from = next
		}
		at = next
	}
	if from == 0 {
		return msg
	}
	return append(kept, msg[from:]...)
}

// headerLen returns the length of msg's header without the empty line after it; zero where
// msg does not begin with a field. A line within that is none is not the header's end:
// programs that read on would show a Bcc field behind it.
func headerLen(msg []byte) int {
	start := mailboxLen(msg)
	if fieldName(firstLine(msg[start:])) == nil {
		return 0
	}
	for at := start; at < len(msg); {
		line := firstLine(msg[at:])
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			return at
		}
		at += len(line)
	}
	return len(msg)
}

// mailboxLen returns the length of the lines that a mailbox has put before msg's header (RFC 4155).
// Servers pass over them, and read the header behind them.
func mailboxLen(msg []byte) int {
	at := 0
	for {
		line := firstLine(msg[at:])
		if !bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From ")) || fieldName(line) != nil {
			return at
		}
		at += len(line)
	}
}

// firstLine returns p up to its first LF, which it includes.
func firstLine(p []byte) []byte {
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		return p[:i+1]
	}
	return p
}

// fieldName returns the name of the field that begins with line; nil where none does.
// White space before the colon is obsolete (RFC 5322 section 4.5) but read by many.
func fieldName(line []byte) []byte {
	name, _, found := bytes.Cut(line, []byte{':'})
	name = bytes.TrimRight(name, " \t")
	if !found || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil
	}
	return name
}
