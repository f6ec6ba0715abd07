package exact

import (
	"bytes"
	"io"
)

// A Memory is a source that lies in memory, from where a [Reader] gives it out without a copy.
type Memory struct {
	bytes.Reader // which is there for everybody else
	all          []byte
}

var _ io.ReadCloser = (*Memory)(nil)

// NewMemory returns a source of b, which must not change.
func NewMemory(b []byte) *Memory {
	m := &Memory{all: b}
	m.Reset(b)
	return m
}

// Close does nothing.
func (m *Memory) Close() error { return nil }

// next returns the next n bytes.
func (m *Memory) next(n int) ([]byte, error) {
	if n > m.Len() {
		return nil, ErrShort
	}
	from := len(m.all) - m.Len()
	_, err := m.Seek(int64(n), io.SeekCurrent)
	return m.all[from : from+n : from+n], err
}
