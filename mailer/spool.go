package mailer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
)

// Spool makes every content of msg one that can be opened again and knows its size.
// Those that already are stay as they are; the others are copied into one temporary
// file, readable by its owner alone. Whoever calls Spool calls release when no attempt
// reads the message any more; it removes the file. Adapters and the router spool
// before they connect, so that no source is read twice and none keeps a server waiting.
//
// msg is prepared first if it is not. An end of ctx is seen between two reads of a source;
// a Read that blocks must end by itself. All that is spooled may have 1 GiB together.
//
// The error is a [*SendError], [NotAccepted] with [ScopeCaller]: that of Prepare, or a
// Temporary one when ctx ended, or a source or the file failed.
func Spool(ctx context.Context, msg *Message) (spooled *Message, release func(), err error) {
	m, err := Prepare(msg)
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(m.contents(), needsSpool) {
		return m, func() {}, nil
	}
	s := new(Message)
	*s = *m
	s.Attachments, s.Alternatives = clone(m.Attachments), clone(m.Alternatives)
	p := *m.prepared
	p.self, s.prepared = s, &p

	file, err := newSpoolFile()
	if err != nil {
		return nil, nil, unreadable(err)
	}
	for _, c := range s.contents() {
		if !needsSpool(c) {
			continue
		}
		if err := file.take(ctx, c); err != nil {
			file.remove()
			return nil, nil, unreadable(err)
		}
	}
	if p.minted && needsSpool(&m.Raw) {
		// What the wire shows. The key stays: attempts may have been made under it.
		if id := rawMessageID(s.Raw); id != "" {
			s.MessageID, p.messageID = id, id
		}
	}
	return s, file.remove, nil
}

// unreadable is the verdict where a source or the temporary file failed: the message is
// not invalid, and may be sent once they work again.
func unreadable(err error) *SendError {
	return &SendError{
		Receipt:   &Receipt{Outcome: NotAccepted},
		Outcome:   NotAccepted,
		Scope:     ScopeCaller,
		Temporary: true,
		Err:       fmt.Errorf("spool: %w", pathless(err)),
	}
}

// contents returns the places of all contents of m.
func (m *Message) contents() []*Content {
	if len(m.Attachments)+len(m.Alternatives) == 0 && m.Raw.IsZero() {
		return nil
	}
	all := make([]*Content, 0, 1+len(m.Attachments)+len(m.Alternatives))
	if !m.Raw.IsZero() {
		all = append(all, &m.Raw)
	}
	for i := range m.Attachments {
		all = append(all, &m.Attachments[i].Content)
	}
	for i := range m.Alternatives {
		all = append(all, &m.Alternatives[i].Content)
	}
	return all
}

func needsSpool(c *Content) bool {
	size, err := c.Size()
	return err == nil && size < 0
}

// readerSource gives its bytes once.
type readerSource struct {
	r    io.Reader
	used atomic.Bool
}

func (s *readerSource) open() (io.ReadCloser, error) {
	if s.r == nil {
		return nil, errors.New("the reader is nil")
	}
	if !s.used.CompareAndSwap(false, true) {
		return nil, errors.New("a reader can be sent only once: use Bytes, File or Opener to send it again")
	}
	return io.NopCloser(s.r), nil
}
func (s *readerSource) size() (int64, error) { return -1, nil }

// spoolFile is one temporary file that holds the contents of a message one after another.
type spoolFile struct {
	f     *os.File
	named bool
	end   int64
}

func newSpoolFile() (*spoolFile, error) {
	f, err := os.CreateTemp("", "mailkeel-*") // mode 0600
	if err != nil {
		return nil, err
	}
	// Without a name where the system allows that, so that a crash leaves nothing behind.
	named := runtime.GOOS == "windows" || os.Remove(f.Name()) != nil
	return &spoolFile{f: f, named: named}, nil
}

// maxSpoolBytes is far above what any provider takes, and keeps a source without an
// end from filling the disk.
const maxSpoolBytes = 1 << 30

// take copies c to the end of the file and makes it read from there.
func (s *spoolFile) take(ctx context.Context, c *Content) error {
	r, err := c.Open()
	if err != nil {
		return err
	}
	left := maxSpoolBytes - s.end
	n, err := io.Copy(s.f, io.LimitReader(ctxReader{ctx, r}, left+1))
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	if err == nil && n > left {
		err = fmt.Errorf("more than %d bytes", maxSpoolBytes)
	}
	if err != nil {
		return err
	}
	c.src = sectionSource{s.f, s.end, n}
	s.end += n
	return nil
}

// ctxReader reads until ctx ends.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // of the one copy that reads from it
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func (s *spoolFile) remove() {
	_ = s.f.Close()
	if s.named { // else the name may be another's by now
		_ = os.Remove(s.f.Name())
	}
}

// sectionSource is a stretch of a spool file. ReadAt lets attempts read side by side.
type sectionSource struct {
	f          *os.File
	off, bytes int64
}

func (s sectionSource) open() (io.ReadCloser, error) {
	return seekable{io.NewSectionReader(s.f, s.off, s.bytes)}, nil
}
func (s sectionSource) size() (int64, error) { return s.bytes, nil }
