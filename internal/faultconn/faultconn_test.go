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

// overPipe runs do in a bubble with a wrapped end and its peer.
func overPipe(t *testing.T, faults []Fault, do func(t *testing.T, wrapped *Conn, peer net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		wrapped := Wrap(a, faults...)
		defer func() { _ = wrapped.Close() }()
		defer func() { _ = b.Close() }()
		do(t, wrapped, b)
	})
}

const text = "0123456789"

func TestInbound(t *testing.T) {
	for _, tc := range []struct {
		name   string
		faults []Fault
		want   string
		err    error
	}{
		{"none", nil, text, io.EOF},
		{"FIN", []Fault{{After: 4, Kind: FIN}}, "0123", io.EOF},
		{"FIN at once", []Fault{{Kind: FIN}}, "", io.EOF},
		{"FIN at the end", []Fault{{After: 10, Kind: FIN}}, text, io.EOF},
		{"RST", []Fault{{After: 4, Kind: RST}}, "0123", syscall.ECONNRESET},
		{"half close", []Fault{{After: 4, Kind: HalfClose}}, "0123", io.EOF},
		{"hang", []Fault{{After: 4, Kind: Hang}}, "0123", os.ErrDeadlineExceeded},
		{"insert", []Fault{{After: 4, Kind: Insert, Byte: 'x'}}, "0123x456789", io.EOF},
		{"insert twice, then FIN", []Fault{
			{After: 8, Kind: FIN}, {Kind: Insert, Byte: 'x'}, {Kind: Insert, Byte: 'y'},
		}, "xy01234567", io.EOF},
		{"beyond", []Fault{{After: 11, Kind: RST}}, text, io.EOF},
	} {
		t.Run(tc.name, func(t *testing.T) {
			overPipe(t, tc.faults, func(t *testing.T, wrapped *Conn, peer net.Conn) {
				go func() {
					_, _ = io.WriteString(peer, text)
					if tc.name != "hang" {
						_ = peer.Close()
					}
				}()
				_ = wrapped.SetReadDeadline(time.Now().Add(time.Hour))
				got, err := readUntilError(wrapped)
				if got != tc.want || !errors.Is(err, tc.err) {
					t.Errorf("read %q, %v; want %q, %v", got, err, tc.want, tc.err)
				}
			})
		})
	}
}

// readUntilError is io.ReadAll that keeps io.EOF.
func readUntilError(r io.Reader) (string, error) {
	var all []byte
	buf := make([]byte, 64)
	for {
		n, err := r.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			return string(all), err
		}
	}
}

func TestOutbound(t *testing.T) {
	for _, tc := range []struct {
		name   string
		faults []Fault
		n      int
		err    error
		peer   string
		open   bool // the peer keeps waiting
	}{
		{"none", nil, 10, nil, text, true},
		{"FIN", []Fault{{Outbound, 4, FIN, 0}}, 4, syscall.EPIPE, "0123", false},
		{"FIN after the last byte", []Fault{{Outbound, 10, FIN, 0}}, 10, nil, text, false},
		{"RST", []Fault{{Outbound, 4, RST, 0}}, 4, syscall.ECONNRESET, "0123", false},
		{"half close", []Fault{{Outbound, 4, HalfClose, 0}}, 4, syscall.EPIPE, "0123", false},
		{"hang", []Fault{{Outbound, 4, Hang, 0}}, 10, nil, "0123", true},
		{"insert", []Fault{{Outbound, 4, Insert, 'x'}, {Outbound, 10, Insert, 'y'}}, 10, nil, "0123x456789y", true},
		{"drip, then FIN", []Fault{{Outbound, 2, Drip, 0}, {Outbound, 5, FIN, 0}}, 5, syscall.EPIPE, "01234", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			overPipe(t, tc.faults, func(t *testing.T, wrapped *Conn, peer net.Conn) {
				heard := make(chan string, 1)
				var end error
				go func() {
					_ = peer.SetReadDeadline(time.Now().Add(time.Hour))
					var got string
					got, end = readUntilError(peer)
					heard <- got
				}()
				n, err := io.WriteString(wrapped, text)
				if n != tc.n || !errors.Is(err, tc.err) {
					t.Errorf("wrote %d, %v; want %d, %v", n, err, tc.n, tc.err)
				}
				if got := <-heard; got != tc.peer || errors.Is(end, os.ErrDeadlineExceeded) != tc.open {
					t.Errorf("the peer read %q, then %v", got, end)
				}
			})
		})
	}
}

func TestDripReadsOneByteAtATime(t *testing.T) {
	overPipe(t, []Fault{{After: 4, Kind: Drip}}, func(t *testing.T, wrapped *Conn, peer net.Conn) {
		go func() { _, _ = io.WriteString(peer, text) }()
		var sizes []int
		for total := 0; total < len(text); {
			n, err := wrapped.Read(make([]byte, 64))
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, n)
			total += n
		}
		if len(sizes) != 7 || sizes[0] != 4 {
			t.Errorf("reads of %v bytes", sizes)
		}
		if in, out := wrapped.Counts(); in != 10 || out != 0 {
			t.Errorf("counts %d, %d", in, out)
		}
	})
}

func TestHangEndsWithClose(t *testing.T) {
	overPipe(t, []Fault{{Kind: Hang}}, func(t *testing.T, wrapped *Conn, _ net.Conn) {
		done := make(chan error, 1)
		go func() {
			_, err := wrapped.Read(make([]byte, 1))
			done <- err
		}()
		synctest.Wait()
		_ = wrapped.Close()
		if err := <-done; err == nil {
			t.Error("the read returned without an error")
		}
	})
}

// overTCP returns a wrapped end and its peer.
func overTCP(t *testing.T, faults ...Fault) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	wrapped := Wrap(conn, faults...)
	t.Cleanup(func() { _, _ = wrapped.Close(), peer.Close() })
	for _, c := range []net.Conn{wrapped, peer} {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	return wrapped, peer
}

func TestFINOverTCP(t *testing.T) {
	wrapped, peer := overTCP(t, Fault{Inbound, 4, FIN, 0})
	// Far more than the fault lets through: unread, it would turn the FIN into a reset.
	flood := strings.Repeat(text, 100_000)
	done := make(chan error, 1)
	go func() {
		_, werr := io.WriteString(peer, flood)
		rest, rerr := io.ReadAll(peer)
		_ = peer.Close()
		if len(rest) > 0 {
			rerr = errors.New("the peer read " + string(rest))
		}
		done <- errors.Join(werr, rerr)
	}()
	if got, err := readUntilError(wrapped); got != "0123" || err != io.EOF {
		t.Errorf("read %q, %v", got, err)
	}
	if err := <-done; err != nil {
		t.Errorf("the peer: %v", err)
	}
	if _, err := wrapped.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("write after FIN: %v", err)
	}
}

func TestRSTOverTCP(t *testing.T) {
	wrapped, peer := overTCP(t, Fault{Outbound, 4, RST, 0})
	if n, err := io.WriteString(wrapped, text); n != 4 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("wrote %d, %v", n, err)
	}
	// Whether the four bytes arrive before the reset is the network's choice.
	if _, err := readUntilError(peer); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer: %v", err)
	}
	if _, err := wrapped.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read after RST: %v", err)
	}
}

func TestHalfCloseOverTCP(t *testing.T) {
	wrapped, peer := overTCP(t, Fault{Outbound, 4, HalfClose, 0})
	if n, err := io.WriteString(wrapped, text); n != 4 || !errors.Is(err, syscall.EPIPE) {
		t.Errorf("wrote %d, %v", n, err)
	}
	if got, err := io.ReadAll(peer); string(got) != "0123" || err != nil {
		t.Errorf("the peer read %q, %v", got, err)
	}
	_, _ = io.WriteString(peer, "still here")
	_ = peer.Close()
	if got, err := io.ReadAll(wrapped); string(got) != "still here" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
}
