package netsmtp

import (
	"net"
	"net/smtp"
)

// Dial connects to addr, "host:port" as [net.Dial] takes it, within 10 seconds, and returns the
// standard library's Client over a connection that bounds it: the greeting may take 60 seconds, every
// later answer 5 minutes and every write 60 seconds, and no answer may have more than
// 128 KiB, nor, without TLS, a line over 4 KiB. See the package's documentation for
// what that does not mend. It speaks no TLS by itself, at port 465 either.
func Dial(addr string) (*Client, error) {
	nd := net.Dialer{Timeout: dialLimit}
	conn, err := nd.Dial("tcp", addr)
	host, port, _ := net.SplitHostPort(addr)
	if err != nil {
		return nil, hintAt(port, err)
	}
	return smtp.NewClient(guard(conn), host)
}
