package eml

import (
	"io"
	"io/fs"
	"sync"
)

// Reader returns a reader of the same bytes, with the errors of WriteTo. It may be closed at any time,
// also while another goroutine reads; closing it before its end releases the source that is open.
func (b *Body) Reader() io.ReadCloser { return &reader{cursor: newCursor(b)} }

// reader hands on what its cursor gives. The cursor is released once, by whoever is the last to use
// it: HTTP transports close a request's body while they still read it.
type reader struct {
	mu      sync.Mutex
	cursor  *cursor // nil when released
	reading bool
	closed  bool

	rest []byte // of the last chunk; belongs to the one who reads
}

func (r *reader) Read(p []byte) (int, error) {
	if !r.enter() {
		return 0, fs.ErrClosed
	}
	defer r.leave()
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.rest) == 0 {
		var err error
		if r.rest, err = r.cursor.next(); err != nil {
			return 0, err
		}
		if len(r.rest) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *reader) enter() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reading = !r.closed
	return r.reading
}

func (r *reader) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reading = false
	r.releaseIfClosed()
}

// Close never waits for a Read, which a slow source could keep for long.
func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if !r.reading {
		r.releaseIfClosed()
	}
	return nil
}

func (r *reader) releaseIfClosed() {
	if r.closed && r.cursor != nil {
		r.cursor.release()
		r.cursor = nil
	}
}
