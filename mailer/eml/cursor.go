package eml

import (
	"strconv"
	"sync"

	"github.com/mailkeel/mailkeel/internal/exact"
)

// A cursor walks once through the bytes of a Body.
type cursor struct {
	body *Body
	err  error // what the walk failed with
	end  bool  // all has been given

	head    int   // literal octets given
	index   int   // part that comes next
	current *part // part being read; nil within literal octets
	done    bool  // the last octets of current have been given

	lines     lines        // of a text
	quoter    quoter       // of a text
	source    exact.Reader // of a content
	remaining int64        // octets of the part's source
	raw       rawFilter

	in  [blockIn]byte
	out [blockOut]byte
}

var cursors = sync.Pool{New: func() any { return new(cursor) }}

func newCursor(b *Body) *cursor {
	c, _ := cursors.Get().(*cursor)
	c.body, c.err, c.end = b, nil, false
	c.head, c.index, c.current, c.raw = 0, 0, nil, rawFilter{allowEightBit: b.eightBit, allowUTF8: b.utf8}
	return c
}

// release closes what is open. c must not be used any more.
func (c *cursor) release() {
	c.source.Close()
	c.body, c.current, c.lines, c.quoter = nil, nil, lines{}, quoter{}
	cursors.Put(c)
}

// next returns the next bytes, which hold until it is called again, and none after the last ones. The
// end is not an error, because a source's error could be mistaken for it. After an error it gives no
// more bytes.
func (c *cursor) next() ([]byte, error) {
	for c.err == nil && !c.end {
		var chunk []byte
		if c.current == nil {
			chunk = c.literal()
		} else {
			chunk, c.err = c.encoded()
		}
		if c.err == nil && len(chunk) > 0 {
			return chunk, nil
		}
	}
	return nil, c.err
}

// literal returns the octets up to the next part, which it begins when there are none.
func (c *cursor) literal() []byte {
	end := len(c.body.head)
	if c.index < len(c.body.parts) {
		end = c.body.parts[c.index].headEnd
	}
	if c.head < end {
		chunk := c.body.head[c.head:end]
		c.head = end
		return chunk
	}
	if c.index == len(c.body.parts) {
		c.end = true
		return nil
	}
	c.begin(&c.body.parts[c.index])
	c.index++
	return nil
}

func (c *cursor) begin(p *part) {
	c.current, c.done, c.remaining = p, false, p.sourceSize
	switch {
	case p.field != "":
		source, err := p.content.Open()
		if err != nil {
			c.err = p.failed(err)
			return
		}
		c.source.Reset(source)
	case p.encoding == quotedPrintable:
		c.quoter = quoter{s: p.text}
	default:
		c.lines = newLines(p.text, p.sourceSize)
	}
}

// failed is the error of the part's source.
func (p *part) failed(err error) error {
	label := p.field
	if p.index >= 0 {
		label += "[" + strconv.Itoa(p.index) + "]"
	}
	return sourceError(label, err)
}

// encoded returns the next octets of the current part.
func (c *cursor) encoded() ([]byte, error) {
	if c.done {
		c.current = nil
		return nil, nil
	}
	switch c.current.encoding {
	case base64Lines:
		n, err := c.fill(c.in[:])
		if err != nil {
			return nil, err
		}
		return encodeLines(c.out[:], c.in[:n], c.done), nil
	case rawMessage:
		return c.rawLines()
	case quotedPrintable:
		n := c.quoter.read(c.out[:])
		c.done = n == 0
		return c.out[:n], nil
	default:
		n := c.lines.read(c.out[:])
		c.done = n < len(c.out)
		return c.out[:n], nil
	}
}

// fill reads p full, or as much as is left, and sets done with the last octets. By then the source has
// been seen to end where it should, so that a message whose source changed lacks its last octets.
func (c *cursor) fill(p []byte) (int, error) {
	p = p[:min(int64(len(p)), c.remaining)]
	c.remaining -= int64(len(p))
	c.done = c.remaining == 0
	if c.current.field == "" {
		return c.lines.read(p), nil
	}
	err := c.source.ReadFull(p)
	if err == nil && c.done {
		err = c.source.ExpectEnd()
	}
	if err != nil {
		c.source.Close()
		return 0, c.current.failed(err)
	}
	return len(p), nil
}
