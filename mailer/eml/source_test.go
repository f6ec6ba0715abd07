package eml_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

var errDisk = errors.New("disk on fire")

// closer makes Close return err.
type closer struct {
	io.Reader
	err error
}

func (c closer) Close() error { return c.err }

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

type boastful struct{}

func (boastful) Read(p []byte) (int, error) { return len(p) + 1, nil }

// faults are sources that do not give the size octets of data that they were prepared with. at is
// where it shows.
func faults(data []byte, at int) map[string]func() (io.ReadCloser, error) {
	plain := func(r io.Reader) func() (io.ReadCloser, error) {
		return func() (io.ReadCloser, error) { return closer{r, nil}, nil }
	}
	head := func() io.Reader { return bytes.NewReader(data[:at]) }
	all := map[string]func() (io.ReadCloser, error){
		"does not open":    func() (io.ReadCloser, error) { return nil, errDisk },
		"opens as nothing": func() (io.ReadCloser, error) { return nil, nil },
		"opens at its end": func() (io.ReadCloser, error) { return nil, io.EOF },
		"closes with EOF":  func() (io.ReadCloser, error) { return closer{bytes.NewReader(data), io.EOF}, nil },
		"fails":            plain(io.MultiReader(head(), iotest.ErrReader(errDisk))),
		"long":             plain(io.MultiReader(bytes.NewReader(data), strings.NewReader("x"))),
		"stalls":           plain(io.MultiReader(head(), emptyReader{})),
		"lies":             plain(io.MultiReader(head(), boastful{})),
		"fails to close": func() (io.ReadCloser, error) {
			return closer{bytes.NewReader(data), errDisk}, nil
		},
		"fails beside the last octets": plain(iotest.DataErrReader(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(errDisk)))),
	}
	if at < len(data) {
		all["short"] = plain(head())
	}
	return all
}

// TestFailingSource makes every fault happen at every border. What was written is a beginning of the
// message, lacks its end, and nothing follows the failure.
func TestFailingSource(t *testing.T) {
	for _, size := range []int{0, 57, 16416, 40000} {
		data := bytes.Repeat([]byte("0123456789\n"), size/11+1)[:size]
		for _, at := range []int{0, 1, size / 2, size - 1, size} {
			if at < 0 || at > size {
				continue
			}
			for name := range faults(data, at) {
				for _, raw := range []bool{false, true} {
					checkFault(t, name, data, faults(data, at)[name], raw)
				}
			}
		}
	}
}

func checkFault(t *testing.T, name string, data []byte, open func() (io.ReadCloser, error), raw bool) {
	t.Helper()
	const header = "Subject: x\n\n"
	current := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	m := envelope()
	if raw {
		m.Raw = mailer.Opener(int64(len(header)+len(data)), func() (io.ReadCloser, error) {
			r, err := current()
			if err != nil || r == nil {
				return r, err
			}
			return closer{io.MultiReader(strings.NewReader(header), r), func() error { return r.Close() }()}, nil
		})
	} else {
		m.Attachments = []mailer.Attachment{
			{Name: "a", Content: mailer.Opener(int64(len(data)), func() (io.ReadCloser, error) { return current() })},
			{Name: "b", Content: mailer.Bytes([]byte("after"))},
		}
	}
	m = prepare(t, m)
	body, good := render(t, m, eml.Options{})
	current = open

	var got bytes.Buffer
	n, err := body.WriteTo(&got)
	if !errors.Is(err, eml.ErrSource) || errors.Is(err, io.EOF) || n >= body.Size() || n != int64(got.Len()) || !bytes.HasPrefix(good, got.Bytes()) {
		t.Fatalf("%s (raw %v, %d octets): wrote %d of %d, %v", name, raw, len(data), n, body.Size(), err)
	}
}

func TestErrorsOfSources(t *testing.T) {
	m := message()
	opened := false
	m.Attachments = []mailer.Attachment{{Name: "ok", Content: mailer.Bytes(nil)}, {Name: "a", Content: mailer.Opener(3, func() (io.ReadCloser, error) {
		opened = true
		return nil, &fs.PathError{Op: "open", Path: "/home/secret", Err: fs.ErrNotExist}
	})}}
	body, err := eml.Render(m, eml.Options{})
	if err != nil || opened {
		t.Fatalf("Render: %v, opened %v", err, opened)
	}
	r := body.Reader()
	for range 2 { // an error stays
		_, err = io.Copy(io.Discard, r)
		if !errors.Is(err, eml.ErrSource) || !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "secret") ||
			!strings.Contains(err.Error(), "Attachments[1]") {
			t.Errorf("got %v", err)
		}
	}
	_ = r.Close()
}

func TestWriterErrorIsNotOfSource(t *testing.T) {
	for _, m := range []*mailer.Message{message(), fullMessage(t)} {
		body, err := eml.Render(m, eml.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []int64{0, 1, 200} {
			n, err := body.WriteTo(&limitedWriter{left: limit, err: errDisk})
			if !errors.Is(err, errDisk) || n != limit {
				t.Errorf("limit %d: wrote %d, %v", limit, n, err)
			}
			if n, err = body.WriteTo(&limitedWriter{left: limit}); !errors.Is(err, io.ErrShortWrite) || n != limit {
				t.Errorf("limit %d without an error: wrote %d, %v", limit, n, err)
			}
		}
	}
}

type limitedWriter struct {
	left int64
	err  error
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) <= w.left {
		w.left -= int64(len(p))
		return len(p), nil
	}
	n := w.left
	w.left = 0
	return int(n), w.err
}

// TestSourcesAreClosed counts what is open after a read that ended, broke off or failed.
func TestSourcesAreClosed(t *testing.T) {
	open := 0
	m := message()
	m.Attachments = []mailer.Attachment{{Name: "a", Content: mailer.Opener(100000, func() (io.ReadCloser, error) {
		open++
		return closeFunc{io.LimitReader(zeros{}, 100000), func() { open-- }}, nil
	})}}
	body, _ := render(t, prepare(t, m), eml.Options{})
	if open != 0 {
		t.Errorf("%d sources are open after WriteTo", open)
	}
	if _, err := body.WriteTo(&limitedWriter{left: 30000, err: errDisk}); err == nil || open != 0 {
		t.Errorf("%d sources are open after a failed write, %v", open, err)
	}
	r := body.Reader()
	if _, err := io.CopyN(io.Discard, r, 20000); err != nil || open != 1 {
		t.Errorf("%d sources are open within a part, %v", open, err)
	}
	for range 2 {
		if err := r.Close(); err != nil || open != 0 {
			t.Errorf("%d sources are open after Close, %v", open, err)
		}
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Read after Close = %d, %v", n, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type closeFunc struct {
	io.Reader
	f func()
}

func (c closeFunc) Close() error { c.f(); return nil }

// TestCloseWhileReading is what HTTP transports do. The source must not be pulled away from under the
// Read, nor Close wait for it; whoever is last closes it.
func TestCloseWhileReading(t *testing.T) {
	entered, proceed, closed := make(chan bool), make(chan bool), make(chan bool, 1)
	m := message()
	m.Attachments = []mailer.Attachment{{Name: "a", Content: mailer.Opener(100000, func() (io.ReadCloser, error) {
		return closeFunc{readFunc(func(p []byte) (int, error) {
			entered <- true
			<-proceed
			return zeros{}.Read(p)
		}), func() { closed <- true }}, nil
	})}}
	body, err := eml.Render(m, eml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := body.Reader()
	done := make(chan error)
	go func() {
		_, err := io.Copy(io.Discard, r)
		done <- err
	}()
	<-entered
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-closed:
		t.Error("the source was closed during Read")
	default:
	}
	proceed <- true
	if err := <-done; !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the reader ended with %v", err)
	}
	select {
	case <-closed:
	default:
		t.Error("the source is still open")
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
