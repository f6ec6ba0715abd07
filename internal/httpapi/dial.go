package httpapi

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/net/proxy"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// readBufferBytes is what a connection keeps for replies, which are small.
const readBufferBytes = 4 << 10

// connect opens a connection that is ready for a request, unless Close cuts that off.
func (c *Client) connect(ctx context.Context, limits Limits, mark func(mailer.Phase)) (*conn, *Error) {
	dialing, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.pool.Cut(), cancel)()
	conn, err := c.open(dialing, limits, mark)
	if err != nil && c.pool.Cut().Err() != nil && ctx.Err() == nil {
		err.Err = connpool.ErrClosed
	}
	return conn, err
}

// open makes one connection: transport, proxy, TLS.
func (c *Client) open(ctx context.Context, limits Limits, mark func(mailer.Phase)) (*conn, *Error) {
	via, err := c.cfg.Proxy(c.base)
	if err != nil || via != nil && !isProxy(via) {
		return nil, &Error{StageProxy, ErrProxyAddress} // the cause repeats it, with what else it may hold
	}
	nc, err := c.dial(ctx, via, limits)
	if err != nil {
		return nil, &Error{StageConnect, err}
	}
	conn := &conn{host: c.base.Host}
	conn.Init(nc, readBufferBytes)
	if !c.pool.Track(conn) {
		c.pool.Drop(conn)
		return nil, &Error{StageConnect, connpool.ErrClosed}
	}
	conn.Bind(ctx)
	failed := c.prepare(conn, via, limits, mark)
	if !conn.Unbind() && failed == nil {
		failed = &Error{StageConnect, ctx.Err()}
	}
	if failed != nil {
		c.pool.Drop(conn)
		return nil, failed
	}
	return conn, nil
}

// dial opens the transport to the server or to its proxy, and holds plain HTTP to this machine.
func (c *Client) dial(ctx context.Context, via *url.URL, limits Limits) (net.Conn, error) {
	nc, err := c.dialTransport(ctx, via, limits)
	if err != nil {
		return nil, err
	}
	if c.base.Scheme == "http" && !netconn.IsLoopback(nc) {
		_ = nc.Close()
		return nil, ErrNotLoopback
	}
	return nc, nil
}

func (c *Client) dialTransport(ctx context.Context, via *url.URL, limits Limits) (net.Conn, error) {
	switch {
	case via == nil:
		return netconn.Dial(ctx, c.cfg.Dial, addressOf(c.base), limits.Connect)
	case isSOCKS(via):
		return c.dialSOCKS(ctx, via, limits)
	}
	return netconn.Dial(ctx, c.cfg.Dial, addressOf(via), limits.Connect)
}

// isProxy reports whether u names a proxy of a kind that is known here.
func isProxy(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https" || isSOCKS(u)) && u.Hostname() != ""
}

func isSOCKS(u *url.URL) bool { return slices.Contains([]string{"socks5", "socks5h"}, u.Scheme) }

// dialSOCKS lets a SOCKS5 proxy connect (RFC 1928), to a name that it resolves.
func (c *Client) dialSOCKS(ctx context.Context, via *url.URL, limits Limits) (net.Conn, error) {
	var auth *proxy.Auth
	if via.User != nil {
		password, _ := via.User.Password()
		auth = &proxy.Auth{User: via.User.Username(), Password: password}
	}
	dialer, err := proxy.SOCKS5("tcp", addressOf(via), auth, forward(c.cfg.Dial))
	if err != nil {
		return nil, err
	}
	through, ok := dialer.(proxy.ContextDialer)
	if !ok {
		return nil, fmt.Errorf("%w: SOCKS5 without a context", ErrRequest)
	}
	return netconn.Dial(ctx, through.DialContext, addressOf(c.base), limits.Connect)
}

// forward is how a SOCKS5 dialer reaches its proxy.
type forward netconn.DialFunc

func (f forward) Dial(network, address string) (net.Conn, error) {
	return f(context.Background(), network, address)
}

func (f forward) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

// prepare brings a fresh transport to where a request can be sent.
func (c *Client) prepare(conn *conn, via *url.URL, limits Limits, mark func(mailer.Phase)) *Error {
	if via != nil && !isSOCKS(via) {
		if err := c.tunnel(conn, via, limits); err != nil {
			return err
		}
	}
	if c.base.Scheme == "http" {
		return nil
	}
	mark(mailer.PhaseTLS)
	if err := conn.Handshake(c.cfg.TLSConfig, limits.Connect); err != nil {
		return &Error{StageTLS, conn.Cause(err)}
	}
	return nil
}

// tunnel asks an HTTP proxy for a way to the server (RFC 9110 section 9.3.6).
func (c *Client) tunnel(conn *conn, via *url.URL, limits Limits) *Error {
	if via.Scheme == "https" {
		if err := conn.Handshake(proxyTLS(via.Hostname()), limits.Connect); err != nil {
			return &Error{StageProxy, conn.Cause(err)}
		}
	}
	conn.SetLimit(limits.Connect)
	if _, err := conn.Write(connectRequest(addressOf(c.base), via)); err != nil {
		return &Error{StageProxy, conn.Cause(err)}
	}
	conn.AllowRead(maxHead)
	if err := readConnectReply(conn.R); err != nil {
		return &Error{StageProxy, conn.Cause(err)}
	}
	return nil
}

func connectRequest(address string, via *url.URL) []byte {
	b := fmt.Appendf(nil, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\n", address, address, UserAgent())
	if via.User != nil {
		password, _ := via.User.Password()
		b = append(b, "Proxy-Authorization: Basic "...)
		b = base64.StdEncoding.AppendEncode(b, []byte(via.User.Username()+":"+password))
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...)
}

func readConnectReply(r *bufio.Reader) error {
	head, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // there is none
	if err != nil {
		return understood(err)
	}
	switch { // there is no body, whatever the header says (RFC 9110 section 9.3.6)
	case head.StatusCode == http.StatusProxyAuthRequired:
		return ErrProxyAuth
	case head.StatusCode != http.StatusOK:
		return fmt.Errorf("it answered %d", head.StatusCode)
	case r.Buffered() > 0:
		return fmt.Errorf("%w: more than was asked for", ErrReply)
	}
	return nil
}
