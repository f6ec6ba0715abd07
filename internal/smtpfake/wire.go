package smtpfake

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync/atomic"
)

const (
	readBufferBytes  = 64 << 10
	writeBufferBytes = 4 << 10
)

var (
	errBareLF   = errors.New("bare LF")
	errBareCR   = errors.New("bare CR")
	errLineLong = errors.New("line too long")
)

// A wire reads and writes one connection. Replies are held back as long as there is
// input to work on (RFC 2920 section 3.2) and flushed before every read that may block.
type wire struct {
	conn io.ReadWriter
	w    *bufio.Writer
	buf  []byte
	r, n int // buf[r:n] is not consumed yet

	wrote    bool // since the last flush
	answered bool // since the last flight: the client has had something to wait for
	flights  *atomic.Int64
	early    chan error // a read that began before the greeting was sent
}

func newWire(conn io.ReadWriter, flights *atomic.Int64) *wire {
	return &wire{
		conn: conn, w: bufio.NewWriterSize(conn, writeBufferBytes),
		buf: make([]byte, readBufferBytes), flights: flights,
	}
}

// swap goes on over conn, as after STARTTLS, without anything read before.
func (w *wire) swap(conn io.ReadWriter) {
	w.conn = conn
	w.w.Reset(conn)
	w.r, w.n, w.wrote = 0, 0, false
}

func (w *wire) buffered() int { return w.n - w.r }

func (w *wire) write(b []byte) {
	w.wrote = w.wrote || len(b) > 0
	_, _ = w.w.Write(b) // the error sticks and comes out of flush
}

func (w *wire) flush() error {
	if w.wrote {
		w.wrote, w.answered = false, true
	}
	return w.w.Flush()
}

// fill reads once, after it has made room and flushed.
func (w *wire) fill() error {
	if err := w.flush(); err != nil {
		return err
	}
	if early := w.early; early != nil {
		w.early = nil
		return <-early
	}
	return w.read()
}

func (w *wire) read() error {
	if w.r > 0 {
		w.n = copy(w.buf, w.buf[w.r:w.n])
		w.r = 0
	}
	n, err := w.conn.Read(w.buf[w.n:])
	w.n += n
	if n > 0 {
		return nil
	}
	return err
}

// readEarly begins a read whose result the next fill returns, and reports whether it
// was over before wait or done was closed.
func (w *wire) readEarly(wait, done <-chan struct{}) bool {
	early := make(chan error, 1)
	w.early = early
	go func() { early <- w.read() }()
	select {
	case err := <-early:
		early <- err
		return err == nil
	case <-wait:
	case <-done:
	}
	return false
}

// settle waits for a read that readEarly began. The connection has been closed.
func (w *wire) settle() {
	if w.early != nil {
		<-w.early //nolint:errcheck // that the read is over is all there is to know
	}
}

// await waits for input at a place where a client may have been waiting for replies,
// and counts the flight.
func (w *wire) await() error {
	if w.early == nil && w.buffered() > 0 {
		return nil
	}
	if err := w.fill(); err != nil {
		return err
	}
	if w.answered {
		w.answered = false
		w.flights.Add(1)
	}
	return nil
}

// line returns the next line without its end. The bytes are valid until the next read.
// After errBareLF, errBareCR and errLineLong the line, up to its LF, has been consumed.
func (w *wire) line() ([]byte, error) {
	for searched := 0; ; {
		i := bytes.IndexByte(w.buf[w.r+searched:w.n], '\n')
		if i >= 0 {
			line := w.buf[w.r : w.r+searched+i]
			w.r += searched + i + 1
			return checkLine(line)
		}
		searched = w.buffered()
		if searched == len(w.buf) {
			return nil, w.skipLine()
		}
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
}

func checkLine(line []byte) ([]byte, error) {
	line, proper := bytes.CutSuffix(line, []byte{'\r'})
	switch {
	case !proper:
		return line, errBareLF
	case bytes.IndexByte(line, '\r') >= 0:
		return line, errBareCR
	}
	return line, nil
}

// skipLine drops what is left of a line that does not fit.
func (w *wire) skipLine() error {
	for {
		if i := bytes.IndexByte(w.buf[w.r:w.n], '\n'); i >= 0 {
			w.r += i + 1
			return errLineLong
		}
		w.r = w.n
		if err := w.fill(); err != nil {
			return err
		}
	}
}

// octets passes the next n bytes to sink (RFC 3030: BDAT).
func (w *wire) octets(n int64, sink func([]byte)) error {
	for n > 0 {
		if w.buffered() == 0 {
			if err := w.fill(); err != nil {
				return err
			}
		}
		take := int(min(n, int64(w.buffered())))
		sink(w.buf[w.r : w.r+take])
		w.r += take
		n -= int64(take)
	}
	return nil
}

// lineBreakDot is where a terminator or a stuffed dot can begin.
var lineBreakDot = []byte("\r\n.")

// dotted passes content to sink, without dot-stuffing, until its terminator has been
// read (RFC 5321 sections 4.1.1.4 and 4.5.2). Only CRLF.CRLF terminates, the first CRLF
// being that of the DATA command where the content is empty.
func (w *wire) dotted(sink func([]byte)) error {
	for lineStart := true; ; {
		if lineStart {
			end, err := w.dotAtLineStart()
			if end || err != nil {
				return err
			}
		}
		piece := w.buf[w.r:w.n]
		i := bytes.Index(piece, lineBreakDot)
		lineStart = i >= 0
		if lineStart {
			sink(piece[:i+2])
			w.r += i + 2
			continue
		}
		// The last two bytes may be the beginning of CRLF and a dot.
		if len(piece) > 2 {
			sink(piece[:len(piece)-2])
			w.r = w.n - 2
		}
		if err := w.fill(); err != nil {
			return err
		}
	}
}

// dotAtLineStart consumes a terminator, and reports it, or a stuffed dot.
func (w *wire) dotAtLineStart() (end bool, err error) {
	const terminator = ".\r\n"
	for {
		have := w.buf[w.r:min(w.n, w.r+len(terminator))]
		switch {
		case string(have) == terminator:
			w.r += len(terminator)
			return true, nil
		case string(have) != terminator[:len(have)]:
			if have[0] == '.' {
				w.r++
			}
			return false, nil
		}
		if err := w.fill(); err != nil {
			return false, err
		}
	}
}
