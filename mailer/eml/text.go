package eml

import "strings"

// encoding is a Content-Transfer-Encoding (RFC 2045 section 6).
type encoding uint8

const (
	sevenBit encoding = iota
	eightBit
	quotedPrintable
	base64Lines
	rawMessage // not an encoding of MIME: see rawFilter
)

var encodingNames = [...]string{"7bit", "8bit", "quoted-printable", "base64", ""}

// text is a body given as a string, and how it is written.
type text struct {
	s        string
	encoding encoding
	size     int64 // octets as written
	source   int64 // octets with every line end as CRLF
}

// newText chooses the encoding of s: none where it fits the transport, else the shorter one.
func newText(s string, allowEightBit bool) text {
	st := measure(s)
	t := text{s: s, size: st.size, source: st.size}
	if st.fits && !st.withNUL && (st.ascii || allowEightBit) {
		if !st.ascii {
			t.encoding = eightBit
		}
		return t
	}
	quoted, encoded := quotedPrintableSize(s), base64Size(st.size)
	if t.encoding, t.size = quotedPrintable, quoted; encoded < quoted {
		t.encoding, t.size = base64Lines, encoded
	}
	return t
}

// endsLine reports whether t as written ends in CRLF, or is nothing at all.
func (t *text) endsLine() bool {
	if t.s == "" {
		return true
	}
	return t.encoding != base64Lines && isLineEnd(t.s[len(t.s)-1])
}

func isLineEnd(c byte) bool { return c == '\r' || c == '\n' }

type textStats struct {
	size                 int64 // with every line end as CRLF
	fits, ascii, withNUL bool  // fits: no line is longer than maxLine
}

func measure(s string) textStats {
	lf, cr, crlf := strings.Count(s, "\n"), strings.Count(s, "\r"), 0
	if cr > 0 {
		crlf = strings.Count(s, "\r\n")
	}
	return textStats{
		size:    int64(len(s) + lf + cr - 2*crlf), // one octet more for each that stands alone
		fits:    linesFit(s),
		ascii:   isASCII(s),
		withNUL: strings.IndexByte(s, 0) >= 0,
	}
}

// linesFit looks for the last line end that could end a line of maxLine octets, and goes on from
// there, so that it sees few octets of text with short lines.
func linesFit(s string) bool {
	for len(s) > maxLine {
		i := maxLine
		for !isLineEnd(s[i]) {
			if i--; i < 0 {
				return false
			}
		}
		s = s[i+1:]
	}
	return true
}

// lines walks through text line by line. Its work is linear however the line ends are mixed.
type lines struct {
	s         string // what is left
	cr, lf    int    // offsets of the next CR and LF in s, or its length
	pendingLF bool   // see read
}

// newLines begins with s, which has size octets when every line end is CRLF. Where each is already,
// the text is taken for one line.
func newLines(s string, size int64) lines {
	if size == int64(len(s)) {
		return lines{s: s, cr: len(s), lf: len(s)}
	}
	return lines{s: s, cr: indexOrLen(s, '\r'), lf: indexOrLen(s, '\n')}
}

func indexOrLen(s string, c byte) int {
	if i := strings.IndexByte(s, c); i >= 0 {
		return i
	}
	return len(s)
}

// line returns the length of the line without its end.
func (l *lines) line() int { return min(l.cr, l.lf) }

// lineEnd returns the length of the line end that s begins with: CRLF, LF or a lone CR.
func (l *lines) lineEnd() int {
	if len(l.s) > 1 && l.cr == 0 && l.lf == 1 {
		return 2
	}
	return 1
}

func (l *lines) skip(n int) {
	l.s = l.s[n:]
	if l.cr -= n; l.cr < 0 {
		l.cr = indexOrLen(l.s, '\r')
	}
	if l.lf -= n; l.lf < 0 {
		l.lf = indexOrLen(l.s, '\n')
	}
}

// read fills p with the text, every line end made CRLF. It returns less than len(p) only at the end.
func (l *lines) read(p []byte) int {
	n := 0
	if l.pendingLF && len(p) > 0 {
		p[0], n = '\n', 1
		l.pendingLF = false
	}
	for n < len(p) && l.s != "" {
		n += l.readLines(p[n:])
		k := copy(p[n:], l.s[:l.line()])
		n += k
		l.skip(k)
		if n == len(p) || l.s == "" {
			break
		}
		l.skip(l.lineEnd())
		p[n] = '\r'
		if n++; n == len(p) {
			l.pendingLF = true
			break
		}
		p[n] = '\n'
		n++
	}
	return n
}

// readLines is read for the lines that end in LF alone, as most do, as long as whole ones fit.
func (l *lines) readLines(p []byte) int {
	n, s, cr, lf := 0, l.s, l.cr, l.lf
	for lf < cr && lf+2 <= len(p)-n {
		n += copy(p[n:], s[:lf])
		p[n], p[n+1] = '\r', '\n'
		n += 2
		s = s[lf+1:]
		cr -= lf + 1
		lf = indexOrLen(s, '\n')
	}
	l.s, l.cr, l.lf = s, cr, lf
	return n
}
