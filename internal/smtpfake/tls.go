package smtpfake

import (
	"context"
	"crypto/tls"
	"io"

	"github.com/mailkeel/mailkeel/internal/faultconn"
)

// startTLS answers STARTTLS (RFC 3207 section 4).
func (c *session) startTLS(arg string) error {
	own := c.plain(arg, say(220, "2.0.0", "go ahead"))
	switch {
	case c.cfg.TLS == nil || !c.extended:
		c.violate(RuleUnknown, "STARTTLS, which is not offered")
		own = say(502, "5.5.1", "not offered")
	case c.tls != nil:
		c.violate(RuleSequence, "STARTTLS under TLS")
		own = say(503, "5.5.1", "TLS is active already")
	}
	d := c.decide(STARTTLS, arg, own)
	if err := c.sendNow(d); err != nil || !d.positive() {
		return err
	}
	if n := c.wire.buffered(); n > 0 {
		c.violate(RuleInjection, "%d bytes", n)
		return errOver
	}
	return c.handshake()
}

// handshake puts TLS over the connection and forgets what was learned before (RFC 3207 section 4.2).
func (c *session) handshake() error {
	d := c.decide(Handshake, "", reply{})
	if err := c.send(d); err != nil {
		return err
	}
	if err := c.wire.flush(); err != nil {
		return err
	}
	if c.cfg.TLS == nil {
		return errOver
	}
	conn := tls.Server(c.raw, c.cfg.TLS)
	if err := conn.HandshakeContext(context.Background()); err != nil {
		return err // Close closes the connection underneath, which ends a handshake
	}
	state := conn.ConnectionState()
	c.conn, c.tls = conn, &state
	c.wire.swap(conn)
	c.helo, c.extended, c.user, c.mech = "", false, "", ""
	c.tx.reset()
	c.srv.record.handshakes.Add(1)
	c.note('D', "["+tls.VersionName(state.Version)+"]")
	return nil
}

// closeInOrder ends TLS and the connection so that what was written arrives.
func (c *session) closeInOrder() {
	secure, ok := c.conn.(*tls.Conn)
	if !ok {
		faultconn.Finish(c.conn)
		return
	}
	// Without a reader at both ends the two close_notify alerts of an unbuffered
	// connection would wait for each other.
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, c.raw)
	}()
	_ = secure.CloseWrite()
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	} else {
		_ = c.raw.Close()
	}
	<-drained
}
