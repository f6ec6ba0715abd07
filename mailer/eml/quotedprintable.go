package eml

const (
	maxQuotedLine = 75 // 76 with the "=" of a soft line break: RFC 2045 section 6.7 (5)
	quotedRoom    = 3  // what one step writes at most
)

// quoter encodes text as quoted-printable while it is read. Line ends of every kind become CRLF.
type quoter struct {
	s   string // what is left
	col int
}

// quotedPrintableSize lets the encoder itself count, so that the two cannot differ.
func quotedPrintableSize(s string) int64 {
	var buf [1 << 10]byte
	size := int64(0)
	for q := (quoter{s: s}); ; {
		n := q.read(buf[:])
		if n == 0 {
			return size
		}
		size += int64(n)
	}
}

// read fills p but for less than quotedRoom octets, and returns 0 only at the end.
func (q *quoter) read(p []byte) int {
	n := 0
	for q.s != "" && len(p)-n >= quotedRoom {
		if k := q.literals(len(p) - n); k > 0 {
			n += copy(p[n:], q.s[:k])
			q.s = q.s[k:]
			q.col += k
			continue
		}
		n += q.step(p[n:])
	}
	return n
}

// literals returns how many octets stand for themselves in the rest of the line.
func (q *quoter) literals(room int) int {
	end := min(len(q.s), maxQuotedLine-q.col, room)
	k := 0
	for k < end && classes[q.s[k]]&qpLiteral != 0 {
		k++
	}
	// Space at the end of a line could be lost on the way.
	if k > 0 && isWSP(q.s[k-1]) && (k == len(q.s) || isLineEnd(q.s[k])) {
		k--
	}
	return k
}

// step writes a line end, a soft line break or one encoded octet.
func (q *quoter) step(p []byte) int {
	c := q.s[0]
	switch {
	case isLineEnd(c):
		width := 1
		if c == '\r' && len(q.s) > 1 && q.s[1] == '\n' {
			width = 2
		}
		q.s, q.col = q.s[width:], 0
		return copy(p, "\r\n")
	case q.col+q.width(c) > maxQuotedLine:
		q.col = 0
		return copy(p, "=\r\n")
	}
	p[0], p[1], p[2] = '=', hexDigits[c>>4], hexDigits[c&15]
	q.s = q.s[1:]
	q.col += 3
	return 3
}

// width returns what c, which begins s, takes up.
func (q *quoter) width(c byte) int {
	if classes[c]&qpLiteral == 0 || isWSP(c) && (len(q.s) == 1 || isLineEnd(q.s[1])) {
		return 3
	}
	return 1
}
