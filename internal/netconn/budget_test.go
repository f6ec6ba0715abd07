package netconn

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// TestAllowRead: more than was allowed is an error, where it begins.
func TestAllowRead(t *testing.T) {
	for _, c := range []struct {
		allowed int64
		want    string
		err     error
	}{
		{0, "", ErrTooLong}, {1, "h", ErrTooLong}, {4, "hell", ErrTooLong}, {6, "hello", io.EOF}, {1 << 40, "hello", io.EOF},
	} {
		conn, peer := newPipe(t)
		conn.AllowRead(c.allowed)
		go func() {
			_, _ = io.Copy(peer, strings.NewReader("hello"))
			_ = peer.Close()
		}()
		var got []byte
		var err error
		for err == nil {
			var b byte
			if b, err = conn.R.ReadByte(); err == nil {
				got = append(got, b)
			}
		}
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%d allowed: read %q, %v; want %q, %v", c.allowed, got, err, c.want, c.err)
		}
		conn.Abort()
	}
}

// TestAllowReadAnew: what is allowed later does not add to what was allowed before.
func TestAllowReadAnew(t *testing.T) {
	conn, peer := newPipe(t)
	go func() { _, _ = io.WriteString(peer, "hello"); _, _ = io.WriteString(peer, "you") }()
	conn.AllowRead(100)
	if err := readByte(conn); err != nil { // with the four bytes behind it
		t.Fatal(err)
	}
	conn.AllowRead(1)
	rest, err := io.ReadAll(conn.R)
	if string(rest) != "elloy" || !errors.Is(err, ErrTooLong) {
		t.Errorf("read %q, %v; want what was buffered and one byte", rest, err)
	}
}
