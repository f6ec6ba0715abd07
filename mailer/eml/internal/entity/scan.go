package entity

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// Scan reads a message from its beginning to its end, once, and returns what it consists of.
func Scan(r io.Reader) (*Part, int64, error) {
	var s scanner
	s.lines.reset(r)
	defer s.lines.release()
	root, err := s.message()
	return root, s.lines.pos, err
}

// A scanner walks along the lines of a message. Multiparts whose parts are being read are open, the
// innermost last.
type scanner struct {
	lines   lineReader
	open    []*Part
	current *Part // whose body is being read; nil between parts
	lastEOL int   // of the line before
	parts   int
	headers int
}

func (s *scanner) message() (*Part, error) {
	root := &Part{Path: "message"}
	l, more, err := s.header(root)
	if err != nil {
		return nil, err
	}
	if len(root.Fields) == 0 {
		return nil, refuse.Invalid("message: does not begin with header fields")
	}
	for {
		if !more {
			l, err = s.lines.next()
			if errors.Is(err, io.EOF) {
				return root, s.finish()
			}
			if err != nil {
				return nil, err
			}
		}
		if l, more, err = s.bodyLine(l); err != nil {
			return nil, err
		}
	}
}

// bodyLine takes a line that is not of a header. When it begins a part whose header ends in another delimiter,
// that line is returned.
func (s *scanner) bodyLine(l line) (next line, more bool, err error) {
	level, closing := s.delimiter(&l)
	if level < 0 {
		if s.current != nil {
			s.current.end = l.end
			s.current.bareLF = s.current.bareLF || l.eol == 1
		}
		s.lastEOL = l.eol
		return l, false, nil
	}
	s.endBody(l.start)
	parent := s.open[level]
	if closing {
		s.open, s.current = s.open[:level], nil
		return l, false, nil
	}
	s.open = s.open[:level+1]
	if s.parts++; s.parts > MaxParts {
		return l, false, refuse.Invalid("message: has more than %d parts", MaxParts)
	}
	p := &Part{Path: parent.childPath()}
	parent.Parts = append(parent.Parts, p)
	return s.header(p)
}

func (p *Part) childPath() string {
	n := strconv.Itoa(len(p.Parts) + 1)
	if rest, nested := strings.CutPrefix(p.Path, "part "); nested {
		return "part " + rest + "." + n
	}
	return "part " + n
}

// endBody ends the body before the delimiter at start; the line end before it is the delimiter's (RFC 2046
// section 5.1.1).
func (s *scanner) endBody(start int64) {
	if p := s.current; p != nil {
		p.end = max(p.start, start-int64(s.lastEOL))
	}
}

// delimiter returns which open multipart l is a delimiter of, or a negative number, and whether it is the
// last. What a multipart within it has left open ends with it.
func (s *scanner) delimiter(l *line) (level int, closing bool) {
	rest, found := bytes.CutPrefix(l.text, []byte("--"))
	if !found {
		return -1, false
	}
	rest = bytes.TrimRight(rest, " \t")
	for level := len(s.open) - 1; level >= 0; level-- {
		boundary := s.open[level].boundary
		switch after, found := bytes.CutPrefix(rest, []byte(boundary)); {
		case !found:
		case len(after) == 0:
			return level, false
		case string(after) == "--":
			return level, true
		}
	}
	return -1, false
}

// finish ends the message. One whose last delimiter is missing may have been cut.
func (s *scanner) finish() error {
	if len(s.open) > 0 {
		return refuse.Invalid("%s: ends before the last delimiter of its parts", s.open[0].Path)
	}
	return nil
}

// header reads the header of p and begins its body. It returns the line that ended the header, if that was
// a delimiter instead of an empty line.
func (s *scanner) header(p *Part) (l line, more bool, err error) {
	if l, more, err = s.fields(p); err != nil {
		return l, more, err
	}
	if err := p.describe(); err != nil {
		return l, false, err
	}
	p.start = l.end
	if more {
		p.start = l.start
	}
	p.end, s.lastEOL, s.current = p.start, 0, p
	if p.IsMultipart() {
		if len(s.open) == MaxDepth {
			return l, false, refuse.Invalid("%s: has multiparts more than %d deep", p.Path, MaxDepth)
		}
		s.open, s.current = append(s.open, p), nil
	}
	return l, more, nil
}

// fields reads lines up to the empty one, to a delimiter, or to the end of the message.
func (s *scanner) fields(p *Part) (l line, more bool, err error) {
	f := fieldReader{part: p}
	defer f.finish()
	for size := 0; ; {
		l, err = s.lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return l, false, nil
		case err != nil:
			return l, false, err
		case l.whole && len(l.text) == 0:
			return l, false, nil
		}
		if level, _ := s.delimiter(&l); level >= 0 {
			return l, true, nil
		}
		size += len(l.text)
		if err := s.room(p, &l, size); err != nil {
			return l, false, err
		}
		if err := f.line(l.text); err != nil {
			return l, false, err
		}
	}
}

// room keeps headers to their limits; l is a line of one of size octets so far.
func (s *scanner) room(p *Part, l *line, size int) error {
	s.headers += len(l.text)
	switch {
	case !l.whole:
		return refuse.Invalid("%s: has a header line longer than %d bytes", p.Path, lineBuffer)
	case size > MaxHeaderBytes:
		return refuse.Invalid("%s: has a header longer than %d bytes", p.Path, MaxHeaderBytes)
	case s.headers > MaxHeaders:
		return refuse.Invalid("message: has headers that are longer than %d bytes together", MaxHeaders)
	}
	return nil
}
