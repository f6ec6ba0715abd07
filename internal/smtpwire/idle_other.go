//go:build !unix

package smtpwire

import "net"

func isQuiet(nc net.Conn) bool { return isQuietByReading(nc) }
