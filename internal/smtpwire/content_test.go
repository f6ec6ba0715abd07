package smtpwire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// sink is a transport that keeps what was written and never answers.
type sink struct {
	net.Conn
	bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error)      { return s.Buffer.Write(p) }
func (s *sink) Read([]byte) (int, error)         { return 0, io.EOF }
func (s *sink) Close() error                     { return nil }
func (s *sink) SetDeadline(time.Time) error      { return nil }
func (s *sink) SetReadDeadline(time.Time) error  { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// pieces is a body that is written in the given pieces.
type pieces []string

func (b pieces) WriteTo(w io.Writer) (n int64, err error) {
	for _, p := range b {
		m, err := io.WriteString(w, p)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func newTransaction(body pieces, size int64) (*transaction, *sink) {
	s := new(sink)
	return &transaction{
		Conn: NewConn(s), env: &Envelope{SizeBytes: size}, body: body, limits: Limits{Stall: time.Hour},
	}, s
}

// stuff is dot-stuffing as RFC 5321 section 4.5.2 words it, line by line.
func stuff(content string) string {
	var b strings.Builder
	for line := range strings.Lines(content) {
		if strings.HasPrefix(line, ".") {
			b.WriteByte('.')
		}
		b.WriteString(line)
	}
	return b.String() + ".\r\n"
}

func TestDotWriter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	contents := []string{
		"", "a\r\n", ".\r\n", "..\r\n", ".a\r\n.b\r\n", "a.\r\n", "a\r\n.\r\nb\r\n", "\r\n.\r\n", "\r\n\r\n..\r\n",
		strings.Repeat(".\r\n", 100_000), strings.Repeat("x", 200_000) + "\r\n", strings.Repeat("line\r\n.dot\r\n", 30_000),
	}
	for _, content := range contents {
		for range 4 {
			body := split(content, rng)
			tr, s := newTransaction(body, int64(len(content)))
			if err := tr.writeContent(tr.dotWriter()); err != nil {
				t.Fatalf("%.20q in %d pieces: %v", content, len(body), err)
			}
			if s.String() != stuff(content) {
				t.Errorf("%.20q in %d pieces is not stuffed as the RFC says", content, len(body))
			}
		}
	}
}

// split cuts s at random places, between CR, LF and dots too.
func split(s string, rng *rand.Rand) pieces {
	var body pieces
	for len(s) > 0 {
		n := 1 + rng.IntN(len(s))
		if rng.IntN(2) == 0 {
			n = 1 + rng.IntN(min(len(s), 5))
		}
		if len(body) > 1000 {
			n = len(s)
		}
		body = append(body, s[:n])
		s = s[n:]
	}
	return body
}

func TestCountWriterHoldsTheLastOctetBack(t *testing.T) {
	const heldBack, blockBytes = 1 << 10, 32 << 10 // of a netconn.Block
	rng := rand.New(rand.NewPCG(3, 4))
	for _, size := range []int{1, 2, heldBack, heldBack + 1, blockBytes - 1, blockBytes, blockBytes + 1, 24 * blockBytes} {
		content := strings.Repeat("0123456789", size/10+1)[:size]
		for range 4 {
			tr, s := newTransaction(split(content, rng), int64(size))
			tr.gate = new(mailer.Gate)
			tr.gate.Cancel()
			err := tr.writeContent(tr.countWriter())
			if !errors.Is(err.Err, ErrCancelled) || s.Len() >= size {
				t.Fatalf("size %d: %v, %d bytes written before the gate was asked", size, err, s.Len())
			}
			tr, s = newTransaction(split(content, rng), int64(size))
			if err := tr.writeContent(tr.countWriter()); err != nil || s.String() != content {
				t.Errorf("size %d: %v, %d bytes written", size, err, s.Len())
			}
		}
	}
}

func TestTerminatorWaitsForTheGate(t *testing.T) {
	tr, s := newTransaction(pieces{"hello\r\n"}, 7)
	tr.gate = new(mailer.Gate)
	tr.gate.Cancel()
	if err := tr.writeContent(tr.dotWriter()); !errors.Is(err.Err, ErrCancelled) || tr.res.Released {
		t.Errorf("got %v, released %v", err, tr.res.Released)
	}
	if strings.Contains(s.String(), "\r\n.\r\n") {
		t.Errorf("the terminator was written: %q", s.String())
	}
}

// P7: a source that yields something else than it said ends without a terminator.
func TestBrokenBody(t *testing.T) {
	for name, tt := range map[string]struct {
		body pieces
		size int64
	}{
		"short":            {pieces{"hello\r\n"}, 8},
		"long":             {pieces{"hello\r\n", "you\r\n"}, 7},
		"without line end": {pieces{"hello"}, 5},
	} {
		for _, w := range []string{"DATA", "BDAT"} {
			if name == "without line end" && w == "BDAT" {
				continue // octets are counted there
			}
			tr, s := newTransaction(tt.body, tt.size)
			var cw contentWriter = tr.dotWriter()
			if w == "BDAT" {
				cw = tr.countWriter()
			}
			err := tr.writeContent(cw)
			if err == nil || !errors.Is(err.Err, ErrSource) || tr.res.Released {
				t.Errorf("%s, %s: %v, released %v", name, w, err, tr.res.Released)
			}
			if w == "DATA" && strings.HasSuffix(s.String(), ".\r\n") || w == "BDAT" && int64(s.Len()) >= tt.size {
				t.Errorf("%s, %s: complete on the wire: %q", name, w, s.String())
			}
		}
	}
}

// shortWriter takes all but the last n bytes of what is written in one piece.
type shortWriter struct {
	sink
	missing int
}

func (s *shortWriter) Write(p []byte) (int, error) {
	n := max(0, len(p)-s.missing)
	_, _ = s.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errors.New("reset")
	}
	return n, nil
}

// SMTP row 27: the verdict turns at the last byte, not before.
func TestReleaseIsExactToTheByte(t *testing.T) {
	for missing := range 5 {
		s := &shortWriter{missing: missing}
		tr := &transaction{
			Conn: NewConn(s), env: &Envelope{SizeBytes: 7}, body: pieces{"hello\r\n"}, limits: Limits{Stall: time.Hour},
		}
		err := tr.writeContent(tr.dotWriter())
		if tr.res.Released != (missing == 0) || (err == nil) != (missing == 0) {
			t.Errorf("%d bytes missing: released %v, %v", missing, tr.res.Released, err)
		}
	}
}

func TestEnvelopeArguments(t *testing.T) {
	good := Envelope{From: "a@example.com", To: []string{"b@example.com"}}
	if !good.valid() {
		t.Fatal("a plain envelope is refused")
	}
	for _, bad := range []string{"", "b@x> NOTIFY=NEVER", "b@x\r\nRCPT TO:<c@x", "b@x\x00", "<b@x>", "b @x", "b@x\t"} {
		if e := (Envelope{From: "a@example.com", To: []string{bad}}); e.valid() {
			t.Errorf("recipient %q passes", bad)
		}
		if e := (Envelope{From: bad, To: []string{"b@example.com"}}); bad != "" && e.valid() {
			t.Errorf("sender %q passes", bad)
		}
	}
	if e := (Envelope{From: "a@x", To: []string{"b@x"}, EnvelopeID: "a b"}); e.valid() {
		t.Error("an ENVID with a space passes")
	}
	if got := string(appendXtext(nil, "a+b=c~")); got != "a+2Bb+3Dc~" {
		t.Errorf("xtext: %q", got)
	}
}
