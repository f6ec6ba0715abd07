package mailgun

import (
	"io"

	"github.com/mailkeel/mailkeel/internal/exact"
)

// missingInLines returns how many octets s lacks to have every line end, CR and LF alone
// among them, as CRLF. afterCR says that what came before s ended in CR; so does the result of s.
func missingInLines[T string | []byte](s T, afterCR bool) (missing int64, endsInCR bool) {
	for i := range len(s) {
		switch {
		case s[i] == '\n' && afterCR:
			missing--
		case s[i] == '\n', s[i] == '\r':
			missing++
		}
		afterCR = s[i] == '\r'
	}
	return missing, afterCR
}

// appendLines appends s with every line end as CRLF; see missingInLines.
func appendLines(to, s []byte, afterCR bool) (lines []byte, endsInCR bool) {
	for _, c := range s {
		switch {
		case c == '\n' && afterCR: // stands there already
		case c == '\n', c == '\r':
			to = append(to, "\r\n"...)
		default:
			to = append(to, c)
		}
		afterCR = c == '\r'
	}
	return to, afterCR
}

// missingInLines reads the content to count.
func (p *part) missingInLines() (missing int64, err error) {
	afterCR := false
	err = p.blocks(1, func(block, _ []byte) error {
		var n int64
		n, afterCR = missingInLines(block, afterCR)
		missing += n
		return nil
	})
	return missing, err
}

// copyLines copies the content with every line end as CRLF. The size of that is promised too: what would
// go beyond it is not written.
func (p *part) copyLines(w io.Writer) (written int64, err error) {
	afterCR := false
	err = p.blocks(3, func(block, room []byte) error {
		block, afterCR = appendLines(room, block, afterCR) // at most twice as long
		if int64(len(block)) > p.size-written {
			return exact.ErrLong
		}
		return write(w, block, &written)
	})
	if err == nil && written < p.size {
		err = exact.ErrShort
	}
	return written, err
}
