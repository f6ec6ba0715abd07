package mailer

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/mailkeel/mailkeel/internal/exact"
)

// A Content is a source of bytes: of an attachment, a further alternative, or a raw
// message. It is opened anew for every attempt. The zero Content is absent, which
// is not the same as empty.
//
// Where the source cannot be opened again or does not know its size, [Spool] copies
// it to a temporary file, once a message; [Bytes], [File] and [FileFS] never need that.
type Content struct{ src contentSource }

// contentSource is what a Content reads from. size is negative when it is not known
// or the source can be read only once.
type contentSource interface {
	open() (io.ReadCloser, error)
	size() (int64, error)
}

// Bytes returns a Content of b, which must not change until the send is over.
func Bytes(b []byte) Content { return Content{bytesSource(b)} }

// File returns a Content that reads the file at path, opened anew for every attempt.
// The file must not change until the send is over; a change of its size is noticed,
// and the attempt then ends [NotAccepted].
func File(path string) Content { return Content{fileSource(path)} }

// FileFS returns a Content that reads the file called name in fsys; see [File].
func FileFS(fsys fs.FS, name string) Content { return Content{fsSource{fsys, name}} }

// Opener returns a Content that calls open for every attempt; each call must give the
// same bytes, from the first on, and a Read must end by itself, for no ctx ends it. sizeBytes is their number; negative means that it is
// not known, and the content is then spooled.
func Opener(sizeBytes int64, open func() (io.ReadCloser, error)) Content {
	return Content{openerSource{open, sizeBytes}}
}

// Reader returns a Content that reads r to its end, once: it is spooled. After a send
// the same Content cannot be sent again.
func Reader(r io.Reader) Content { return Content{&readerSource{r: r}} }

// IsZero reports whether c is absent.
func (c Content) IsZero() bool { return c.src == nil }

// Size returns the number of bytes that Open will give, or a negative number when it
// is not known before they are read.
func (c Content) Size() (int64, error) {
	if c.src == nil {
		return 0, errors.New("no content")
	}
	return c.src.size()
}

// Open returns a reader from the first byte on. The caller closes it. That of [Bytes], [File] and a
// spooled content is an [io.Seeker] too.
func (c Content) Open() (io.ReadCloser, error) {
	if c.src == nil {
		return nil, errors.New("no content")
	}
	r, err := c.src.open()
	if r == nil && err == nil {
		err = errors.New("the source opened nothing")
	}
	return r, err
}

// String describes c without its bytes.
func (c Content) String() string {
	if c.src == nil {
		return "no content"
	}
	return fmt.Sprintf("content (%s)", strings.TrimPrefix(fmt.Sprintf("%T", c.src), "mailer."))
}

type bytesSource []byte

func (s bytesSource) open() (io.ReadCloser, error) { return exact.NewMemory(s), nil }
func (s bytesSource) size() (int64, error)         { return int64(len(s)), nil }

// seekable is a source in a spool file, which whoever wants a stretch of it can seek in.
type seekable struct{ io.ReadSeeker }

func (seekable) Close() error { return nil }

type fileSource string

func (s fileSource) open() (io.ReadCloser, error) { return os.Open(string(s)) }
func (s fileSource) size() (int64, error) {
	info, err := os.Stat(string(s))
	return regularSize(info, err)
}

type fsSource struct {
	fsys fs.FS
	name string
}

func (s fsSource) open() (io.ReadCloser, error) { return s.fsys.Open(s.name) }
func (s fsSource) size() (int64, error) {
	info, err := fs.Stat(s.fsys, s.name)
	return regularSize(info, err)
}

// regularSize refuses folders; of a pipe or device the size is not known.
func regularSize(info fs.FileInfo, err error) (int64, error) {
	switch {
	case err != nil:
		return 0, err
	case info.IsDir():
		return 0, errors.New("is a directory")
	case !info.Mode().IsRegular():
		return -1, nil
	}
	return info.Size(), nil
}

type openerSource struct {
	openFunc  func() (io.ReadCloser, error)
	sizeBytes int64
}

func (s openerSource) open() (io.ReadCloser, error) {
	if s.openFunc == nil {
		return nil, errors.New("no function to open the content")
	}
	return s.openFunc()
}
func (s openerSource) size() (int64, error) { return s.sizeBytes, nil }

// sizedSource is a source whose size was settled by Prepare.
type sizedSource struct {
	contentSource
	sizeBytes int64
}

func (s sizedSource) size() (int64, error) { return s.sizeBytes, nil }
