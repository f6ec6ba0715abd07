package smtp

import (
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/mailkeel/mailkeel/mailer"
)

// A writtenSource is a source of bytes that go-mail knows as a function, which writes them. The function may read
// an [io.ReadSeeker] that it rewinds when it has come to its end, so it runs once at a time, always
// to its end, and never again after it failed in the middle.
type writtenSource struct {
	mu     sync.Mutex // held from the first Read to the last
	write  func(io.Writer) (int64, error)
	broken error
}

// writtenContent returns a Content that runs write whenever it is read.
func writtenContent(write func(io.Writer) (int64, error)) mailer.Content {
	s := &writtenSource{write: write}
	return mailer.Opener(-1, func() (io.ReadCloser, error) { return &writtenReader{source: s}, nil })
}

// run yields what the function writes, and then its error.
func (s *writtenSource) run(yield func([]byte, error) bool) {
	if s.broken != nil {
		yield(nil, s.broken)
		return
	}
	w := &yieldWriter{yield: yield}
	_, err := s.write(w)
	if err != nil && w.begun {
		s.broken = errors.Join(errors.New("the file failed in the middle and was not rewound"), err)
	}
	if err != nil && !w.stopped {
		yield(nil, err)
	}
}

// A yieldWriter hands on what is written; once nobody wants more, it takes the rest all the same.
type yieldWriter struct {
	yield          func([]byte, error) bool
	begun, stopped bool
}

func (w *yieldWriter) Write(p []byte) (int, error) {
	w.begun = w.begun || len(p) > 0
	w.stopped = w.stopped || !w.yield(p, nil)
	return len(p), nil
}

// A writtenReader reads a writtenSource once.
type writtenReader struct {
	source *writtenSource
	next   func() ([]byte, error, bool)
	stop   func() // set while the source is held
	rest   []byte
	err    error
}

func (r *writtenReader) Read(p []byte) (int, error) {
	if r.next == nil && r.err == nil {
		r.source.mu.Lock()
		r.next, r.stop = iter.Pull2(r.source.run)
	}
	for len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		chunk, err, more := r.next()
		r.rest, r.err = chunk, err
		if !more {
			r.err = io.EOF
		}
		if r.err != nil {
			r.release()
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// release lets the function come to its end and others read.
func (r *writtenReader) release() {
	if r.stop != nil {
		defer r.source.mu.Unlock()
		r.stop()
		r.stop = nil
	}
}

// Close implements [io.Closer]. It returns when the source has come to its end.
func (r *writtenReader) Close() error {
	r.release()
	if r.err == nil {
		r.err = errors.New("the file was closed")
	}
	r.rest = nil
	return nil
}
