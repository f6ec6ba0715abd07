package httpapi

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// provoke makes the framing fail: prepare does something to the connection before a request,
// and answer is what the server does when it has come.
func provoke(t *testing.T, prepare func(cc *http2.ClientConn, server net.Conn), answer func(fr *http2.Framer, id uint32)) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	go func() {
		_, _ = io.ReadFull(theirs, make([]byte, len(http2.ClientPreface)))
		fr := http2.NewFramer(theirs, theirs)
		first := true
		for {
			frame, err := fr.ReadFrame()
			if err != nil {
				return
			}
			if first {
				first = false
				_ = fr.WriteSettings()
			}
			if head, ok := frame.(*http2.HeadersFrame); ok {
				answer(fr, head.StreamID)
			}
		}
	}()
	cc, err := new(http2.Transport).NewClientConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	prepare(cc, theirs)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://localhost/", http.NoBody)
	reply, err := cc.RoundTrip(r)
	if err == nil {
		reply.Body.Close()
		t.Fatal("no error")
	}
	return err
}

// TestIsUnprocessed: what the framing really says when a request was not looked at is
// recognised, and nothing else is. Most of it shows only as text, which may change.
func TestIsUnprocessed(t *testing.T) {
	nothing := func(*http2.ClientConn, net.Conn) {}
	ended := func(cc *http2.ClientConn, server net.Conn) {
		_ = server.Close()
		for !cc.State().Closed {
			runtime.Gosched()
		}
	}
	away := func(last int, code http2.ErrCode, closes bool) func(fr *http2.Framer, id uint32) {
		return func(fr *http2.Framer, id uint32) {
			_ = fr.WriteGoAway(uint32(int(id)+last), code, []byte("http2: client conn not usable"))
			if closes {
				_ = fr.WriteRawFrame(http2.FramePing, 0, 1, nil) // an error that ends the connection
			}
		}
	}
	reset := func(code http2.ErrCode) func(fr *http2.Framer, id uint32) {
		return func(fr *http2.Framer, id uint32) { _ = fr.WriteRSTStream(id, code) }
	}
	for name, c := range map[string]struct {
		prepare func(*http2.ClientConn, net.Conn)
		answer  func(*http2.Framer, uint32)
		want    bool
	}{
		"refused":              {nothing, reset(http2.ErrCodeRefusedStream), true},
		"away":                 {nothing, away(-1, http2.ErrCodeNo, false), true},
		"away with an error":   {nothing, away(-1, http2.ErrCodeInternal, false), true},
		"not to be used again": {func(cc *http2.ClientConn, _ net.Conn) { cc.SetDoNotReuse() }, nil, true},
		"ended before":         {ended, nil, true},
		"cancelled":            {nothing, reset(http2.ErrCodeCancel), false},
		"no error":             {nothing, reset(http2.ErrCodeNo), false},
		"away after it":        {nothing, away(0, http2.ErrCodeNo, true), false},
		"protocol error":       {nothing, away(0, http2.ErrCodeInternal, true), false},
		"cut":                  {func(cc *http2.ClientConn, _ net.Conn) { _ = cc.Close() }, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			if err := provoke(t, c.prepare, c.answer); isUnprocessed(err) != c.want {
				t.Errorf("%T: %v", err, err)
			}
		})
	}
}

// TestTold: of a server's own words nothing is left in an error, and its code is.
func TestTold(t *testing.T) {
	const words = "Bearer key"
	for _, err := range []error{
		http2.StreamError{StreamID: 1, Code: http2.ErrCodeCancel, Cause: fmt.Errorf("invalid %q", words)},
		http2.GoAwayError{LastStreamID: 1, ErrCode: http2.ErrCodeCancel, DebugData: words},
	} {
		if text := told(err).Error(); strings.Contains(text, words) || !strings.Contains(text, "CANCEL") {
			t.Errorf("%T: %s", err, text)
		}
	}
	if told(nil) != nil || told(io.EOF) != io.EOF {
		t.Error("others are not as they were")
	}
}
