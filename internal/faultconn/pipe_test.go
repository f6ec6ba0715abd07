package faultconn

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func inBubble(t *testing.T, do func(t *testing.T, a, b net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, b := Pipe()
		do(t, a, b)
	})
}

func TestPipeBuffersBothWays(t *testing.T) {
	inBubble(t, func(t *testing.T, a, b net.Conn) {
		for _, end := range []net.Conn{a, b} { // neither reads yet
			if n, err := io.WriteString(end, text); n != len(text) || err != nil {
				t.Fatalf("wrote %d, %v", n, err)
			}
		}
		_ = a.Close()
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read after Close: %v", err)
		}
	})
	inBubble(t, func(t *testing.T, a, b net.Conn) {
		_, _ = io.WriteString(a, text)
		_ = a.Close()
		if got, err := io.ReadAll(b); string(got) != text || err != nil {
			t.Errorf("read %q, %v after the other end closed", got, err)
		}
		if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write to a closed end: %v", err)
		}
	})
}

func TestPipeBlocksWhenFull(t *testing.T) {
	inBubble(t, func(t *testing.T, a, b net.Conn) {
		flood := strings.Repeat(text, pipeBytes)
		done := make(chan error, 1)
		go func() {
			n, err := io.WriteString(a, flood)
			if n != len(flood) {
				err = errors.Join(err, io.ErrShortWrite)
			}
			done <- errors.Join(err, a.Close())
		}()
		synctest.Wait()
		if len(done) > 0 {
			t.Error("the write did not block")
		}
		if got, err := io.ReadAll(b); string(got) != flood || err != nil {
			t.Errorf("read %d bytes, %v; want %d", len(got), err, len(flood))
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestPipeHalfClose(t *testing.T) {
	inBubble(t, func(t *testing.T, a, b net.Conn) {
		closeWrite(a)
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read %v", err)
		}
		_, _ = io.WriteString(b, text)
		_ = b.Close()
		if got, err := io.ReadAll(a); string(got) != text || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestPipeReset(t *testing.T) {
	inBubble(t, func(t *testing.T, a, b net.Conn) {
		wrapped := Wrap(a, Fault{Inbound, 4, RST, 0})
		_, _ = io.WriteString(b, text)
		if got, err := readUntilError(wrapped); got != "0123" || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read %q, %v", got, err)
		}
		if _, err := b.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer read %v", err)
		}
		if _, err := b.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer wrote %v", err)
		}
	})
}

func TestPipeDeadlines(t *testing.T) {
	inBubble(t, func(t *testing.T, a, b net.Conn) {
		start := time.Now()
		_ = a.SetDeadline(start.Add(time.Hour))
		_ = a.SetReadDeadline(start.Add(time.Minute))
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("read %v after %v", err, time.Since(start))
		}
		flood := make([]byte, 2*pipeBytes)
		if n, err := a.Write(flood); n != pipeBytes || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("wrote %d, %v after %v", n, err, time.Since(start))
		}
		_ = a.SetDeadline(time.Time{})
		_, _ = io.WriteString(b, "x")
		if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("read %d, %v without a deadline", n, err)
		}
	})
	inBubble(t, func(t *testing.T, a, _ net.Conn) {
		done := make(chan error, 1)
		go func() {
			_, err := a.Read(make([]byte, 1))
			done <- err
		}()
		synctest.Wait()
		_ = a.SetReadDeadline(time.Now()) // as a cancelled context does
		if err := <-done; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %v", err)
		}
	})
}
