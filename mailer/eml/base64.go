package eml

import (
	// Several times as fast as the standard library's on amd64 and arm64 (see
	// BenchmarkBase64), and the same elsewhere.
	"github.com/segmentio/asm/base64"
)

const (
	lineOctets = 57 // encoded they make a line of 76: RFC 2045 section 6.8
	lineChars  = 76

	// blockLines is how many lines are encoded at once.
	blockLines = 432
	blockIn    = blockLines * lineOctets
	blockOut   = blockLines * (lineChars + 2)
)

// base64Size returns what n octets take up in lines of 76 characters, without a CRLF at the end.
func base64Size(n int64) int64 {
	if n == 0 {
		return 0
	}
	chars := (n + 2) / 3 * 4
	return chars + (chars-1)/lineChars*2
}

// encodeLines encodes in into lines at the beginning of out and returns them. All but the last block
// of a part consist of whole lines and end in CRLF.
func encodeLines(out, in []byte, last bool) []byte {
	if len(in) == 0 {
		return nil
	}
	chars := base64.StdEncoding.EncodedLen(len(in))
	n := (chars + lineChars - 1) / lineChars
	// The characters first stand together at the end, and are then moved forward line by line, which
	// never overtakes them: line i moves by 2*(n-i).
	src := out[2*n : 2*n+chars]
	base64.StdEncoding.Encode(src, in)
	for i := range n {
		end := copy(out[i*(lineChars+2):], src[i*lineChars:min((i+1)*lineChars, chars)])
		copy(out[i*(lineChars+2)+end:], "\r\n")
	}
	if last {
		return out[:chars+2*(n-1)]
	}
	return out[:chars+2*n]
}
