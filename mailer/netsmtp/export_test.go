package netsmtp

import (
	"context"
	"crypto/x509"
	"net"
)

// Rig is SendMail over transports of a test's own.
type Rig struct {
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Roots *x509.CertPool
}

func (r Rig) SendMail(ctx context.Context, addr string, a Auth, from string, to []string, msg []byte) error {
	if r.Dial == nil {
		r.Dial = new(net.Dialer).DialContext
	}
	return dialer{dial: r.Dial, roots: r.Roots}.sendMail(ctx, addr, a, mail{from, to, hideBcc(msg)})
}

var Guard = guard
