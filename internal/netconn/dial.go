package netconn

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// DialFunc opens a transport, as [net.Dialer.DialContext] does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Dial opens a TCP connection to address until limit. The end of ctx is ctx's error, and
// of limit ErrTimeout.
func Dial(ctx context.Context, dial DialFunc, address string, limit time.Time) (net.Conn, error) {
	limited, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	nc, err := dial(limited, "tcp", address)
	if err != nil {
		return nil, dialError(ctx, err)
	}
	return nc, nil
}

func dialError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return context.DeadlineExceeded // the dialer's clock was a moment ahead of ctx's
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrTimeout
	}
	return err
}

// IsLoopback reports whether what nc sends stays on this machine, whatever the host's name says.
func IsLoopback(nc net.Conn) bool {
	addr, ok := nc.RemoteAddr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}
