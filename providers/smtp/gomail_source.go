package smtp

import (
	"errors"
	"io"
	"iter"
	"reflect"
	"sync"

	"github.com/wneessen/go-mail"

	"github.com/mailkeel/mailkeel/mailer"
)

// A writtenFile is a file of go-mail's, which is a function that writes it. The function may read an
// [io.ReadSeeker] that it rewinds when it has come to its end, so it runs once at a time, always to its end, and
// never again after it failed in the middle.
type writtenFile struct {
	mu     sync.Mutex // held while write runs
	write  func(io.Writer) (int64, error)
	broken error
}

// contentOf returns the content of f. From then on, f has a function that all who write it share: whatever
// is made of its message, and go-mail itself, wait for each other.
func contentOf(f *mail.File) mailer.Content {
	if !isShared(f.Writer) {
		f.Writer = (&writtenFile{write: f.Writer}).copy
	}
	write := f.Writer
	return mailer.Opener(-1, func() (io.ReadCloser, error) { return &writtenReader{write: write}, nil })
}

// isShared reports whether write is some writtenFile's copy. That pointers of code are compared can only
// make a function shared twice, which does no harm.
func isShared(write func(io.Writer) (int64, error)) bool {
	return reflect.ValueOf(write).Pointer() == reflect.ValueOf(new(writtenFile).copy).Pointer()
}

func (f *writtenFile) copy(w io.Writer) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return 0, f.broken
	}
	b := &begunWriter{w: w}
	n, err := f.write(b)
	if err != nil && b.begun {
		f.broken = errors.Join(errors.New("the file failed in the middle and was not rewound"), err)
	}
	return n, err
}

// A begunWriter notes whether anything was written.
type begunWriter struct {
	w     io.Writer
	begun bool
}

func (b *begunWriter) Write(p []byte) (int, error) {
	b.begun = b.begun || len(p) > 0
	return b.w.Write(p)
}

// A yieldWriter hands on what is written; once nobody wants more, it takes the rest all the same.
type yieldWriter struct {
	yield   func([]byte, error) bool
	stopped bool
}

func (w *yieldWriter) Write(p []byte) (int, error) {
	w.stopped = w.stopped || !w.yield(p, nil)
	return len(p), nil
}

// A writtenReader reads once what a function writes, which runs from the first Read to the last.
type writtenReader struct {
	write func(io.Writer) (int64, error)
	next  func() ([]byte, error, bool)
	stop  func() // set while write runs
	rest  []byte
	err   error
}

// run yields what is written, and then the error.
func (r *writtenReader) run(yield func([]byte, error) bool) {
	w := &yieldWriter{yield: yield}
	if _, err := r.write(w); err != nil && !w.stopped {
		yield(nil, err)
	}
}

func (r *writtenReader) Read(p []byte) (int, error) {
	if r.next == nil && r.err == nil {
		r.next, r.stop = iter.Pull2(r.run)
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
		r.stop()
		r.stop = nil
	}
}

// Close implements [io.Closer]. It returns when the function has come to its end.
func (r *writtenReader) Close() error {
	r.release()
	if r.err == nil {
		r.err = errors.New("the file was closed")
	}
	r.rest = nil
	return nil
}
