// Package app sends mail as many programs do.
package app

import (
	"net"

	"net/smtp"
)

// Send sends a message through the server at addr, "host:port".
func Send(addr, from, to string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	auth := smtp.PlainAuth("", "app", "correct horse", host)
	msg := "From: " + from + "\r\nTo: " + to + "\r\nSubject: Your order\r\n\r\nThank you.\r\n"
	return smtp.SendMail(addr, auth, from, []string{to}, []byte(msg))
}
