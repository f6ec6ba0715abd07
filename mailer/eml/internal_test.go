package eml

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"
)

func TestSetToken(t *testing.T) {
	for token, ok := range map[string]bool{
		"00112233445566778899": true, "": false, "short": false, strings.Repeat("a", 41): false,
		"0011223344\r\n": false, "0011223344 ": false, "00112233\x0044": false, `00112233"44`: false, "00112233é": false,
	} {
		var w writer
		if err := w.setToken(token, &layout{}); (err == nil) != ok {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestAppendDate(t *testing.T) {
	start := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 3000 {
		at := start.Add(time.Duration(i) * 1021 * time.Hour).Add(time.Duration(i) * 61 * time.Second)
		at = at.In(time.FixedZone("", (i%27-13)*3600+i%4*900))
		if got, want := string(appendDate(nil, at)), at.Format(time.RFC1123Z); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestParseMediaType(t *testing.T) {
	tests := []struct {
		s, base    string
		hasCharset bool
	}{
		{"text/plain", "text/plain", false},
		{"Text/Plain;charset=utf-8", "Text/Plain", true},
		{`text/plain ; CHARSET = "a\"b" ; x=y;`, "text/plain", true},
		{`application/x-foo; name="a;charset=b"`, "application/x-foo", false},
		{"application/vnd.ms-excel; ", "application/vnd.ms-excel", false},
	}
	for _, tt := range tests {
		got, err := parseMediaType(tt.s)
		if err != nil || got.base != tt.base || got.hasCharset != tt.hasCharset {
			t.Errorf("%s: %+v, %v", tt.s, got, err)
		}
	}
	for _, s := range []string{"", "/", "a/", "/b", "a b/c", "a/b c", "a/b;;c=d", "a/b;c", "a/b;c=", `a/b;c="`, `a/b;c="\`, "a/b;c=\"\n\"", "a/b;c=\"é\"", "a/b;c=d e"} {
		if got, err := parseMediaType(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
}

var mixedText = "a\nb\r\nc\rd\r\r\n\n\r\n\r" + strings.Repeat("long line ü ", 20) + " \r\n\t\n=\x00 \r\nend "

// readAll reads with buffers of n octets.
func readAll(n int, read func([]byte) int) string {
	var out []byte
	buf := make([]byte, n)
	for {
		k := read(buf)
		if k == 0 {
			return string(out)
		}
		out = append(out, buf[:k]...)
	}
}

// TestBuffers reads with buffers of every size, so that each octet of the text is once the first one
// and once the last one of a buffer.
func TestBuffers(t *testing.T) {
	for start := range mixedText {
		s := mixedText[start:]
		want := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(s)
		size := measure(s).size
		if size != int64(len(want)) {
			t.Fatalf("measure(%q) = %d, want %d", s, size, len(want))
		}
		q := quoter{s: s}
		quoted := readAll(4096, q.read)
		if n := quotedPrintableSize(s); n != int64(len(quoted)) {
			t.Fatalf("quotedPrintableSize(%q) = %d, want %d", s, n, len(quoted))
		}
		decoded, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(quoted)))
		if err != nil || string(decoded) != want {
			t.Fatalf("%q reads as\n%q, want\n%q (%v)", quoted, decoded, want, err)
		}
		for n := 1; n < 40; n++ {
			l := newLines(s, size)
			if got := readAll(n, l.read); got != want {
				t.Fatalf("with buffers of %d: got\n%q, want\n%q", n, got, want)
			}
			if q := (quoter{s: s}); n >= quotedRoom {
				if got := readAll(n, q.read); got != quoted {
					t.Fatalf("with buffers of %d: got\n%q, want\n%q", n, got, quoted)
				}
			}
		}
	}
}

// TestLinesFit compares with a walk through every line.
func TestLinesFit(t *testing.T) {
	for _, s := range []string{"", "x", "\n", strings.Repeat("x", 998), strings.Repeat("x", 999), strings.Repeat("x", 998) + "\nx", strings.Repeat("x", 999) + "\n",
		"\n" + strings.Repeat("x", 999), "\n" + strings.Repeat("x", 998) + "\r", strings.Repeat(strings.Repeat("y", 998)+"\r\n", 5),
		strings.Repeat(strings.Repeat("y", 998)+"\r\n", 5) + strings.Repeat("x", 999), strings.Repeat("\n", 3000) + strings.Repeat("x", 999) + "\n"} {
		want := true
		for line := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '\r' || r == '\n' }) {
			want = want && len(line) <= maxLine
		}
		if got := linesFit(s); got != want {
			t.Errorf("%d octets, %.10q...: %v", len(s), s, got)
		}
	}
}

// TestEncodeLines compares with the standard library at every size up to some lines, in one block and
// in several.
func TestEncodeLines(t *testing.T) {
	data := make([]byte, 10*lineOctets)
	for i := range data {
		data[i] = byte(i * 7)
	}
	out := make([]byte, blockOut)
	for n := range data {
		want := base64.StdEncoding.EncodeToString(data[:n])
		var lines []string
		for ; len(want) > lineChars; want = want[lineChars:] {
			lines = append(lines, want[:lineChars])
		}
		want = strings.Join(append(lines, want), "\r\n")
		if got := encodeLines(out, data[:n], true); string(got) != want {
			t.Errorf("%d octets: got %q, want %q", n, got, want)
		}
		if base64Size(int64(n)) != int64(len(want)) {
			t.Errorf("base64Size(%d) = %d, want %d", n, base64Size(int64(n)), len(want))
		}
		cut := min(3*lineOctets, n/lineOctets*lineOctets)
		got := bytes.Clone(encodeLines(out, data[:cut], cut == n))
		if cut < n {
			got = append(got, encodeLines(out, data[cut:n], true)...)
		}
		if string(got) != want {
			t.Errorf("%d octets in two blocks: got %q, want %q", n, got, want)
		}
	}
}

// TestClasses looks for octets in classes whose grammar excludes them.
func TestClasses(t *testing.T) {
	for c := range 256 {
		s := string([]byte{byte(c)})
		if (c <= ' ' || c >= 0x7f) && only(s, atext|ftext|token|attrChar|qText|qPhrase|domain) {
			t.Errorf("%#x stands for itself", c)
		}
	}
	for class, never := range map[uint8]string{
		atext: `()<>[]:;@\,."`, ftext: ":", token: `()<>@,;:\"/[]?=`, attrChar: `*'%()<>@,;:\"/[]?=`,
		qText: "=?_", qPhrase: `=?_()<>@,;:\".[]`, qpLiteral: "=", domain: "_@",
	} {
		for i := range len(never) {
			if classes[never[i]]&class != 0 {
				t.Errorf("%q is in class %#x", never[i], class)
			}
		}
	}
}
