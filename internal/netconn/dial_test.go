package netconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestDialLimits: the end of ctx and that of the limit are told apart, whatever the dialer says.
func TestDialLimits(t *testing.T) {
	refused := errors.New("refused")
	for _, c := range []struct {
		name     string
		deadline time.Duration // of ctx; zero: none
		dial     DialFunc
		after    time.Duration
		want     error
	}{
		{"limit", 0, hangs, 5 * time.Second, ErrTimeout},
		{"limit before ctx", time.Minute, hangs, 5 * time.Second, ErrTimeout},
		{"ctx before limit", 2 * time.Second, hangs, 2 * time.Second, context.DeadlineExceeded},
		{"refused", time.Minute, func(context.Context, string, string) (net.Conn, error) { return nil, refused }, 0, refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				start := time.Now()
				_, err := Dial(ctx, c.dial, "mx.example.com:25", start.Add(5*time.Second))
				if !errors.Is(err, c.want) || time.Since(start) != c.after {
					t.Errorf("%v after %v, want %v after %v", err, time.Since(start), c.want, c.after)
				}
			})
		})
	}
}

// hangs is a dialer that gives up when it must.
func hangs(ctx context.Context, network, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, &net.OpError{Op: "dial", Net: network, Err: ctx.Err()}
}

// TestDial: the dialer is asked for what was asked for, and its connection outlives the limit's ctx.
func TestDial(t *testing.T) {
	ours, theirs := net.Pipe()
	defer func() { _ = errors.Join(ours.Close(), theirs.Close()) }()
	var asked string
	got, err := Dial(t.Context(), func(_ context.Context, network, address string) (net.Conn, error) {
		asked = fmt.Sprint(network, " ", address)
		return ours, nil
	}, "mx.example.com:25", time.Now().Add(time.Minute))
	if err != nil || got != ours || asked != "tcp mx.example.com:25" {
		t.Errorf("%v, %v, asked for %q", got, err, asked)
	}
}

// at is a transport whose other end is at an address.
type at struct {
	net.Conn
	addr net.Addr
}

func (a at) RemoteAddr() net.Addr { return a.addr }

func TestIsLoopback(t *testing.T) {
	for _, c := range []struct {
		addr net.Addr
		want bool
	}{
		{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, true}, {&net.TCPAddr{IP: net.IPv4(127, 8, 8, 8)}, true},
		{&net.TCPAddr{IP: net.IPv6loopback}, true}, {&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, false},
		{&net.TCPAddr{}, false}, {&net.UDPAddr{IP: net.IPv6loopback}, false}, {nil, false},
	} {
		if got := IsLoopback(at{addr: c.addr}); got != c.want {
			t.Errorf("%v: %v, want %v", c.addr, got, c.want)
		}
	}
}
