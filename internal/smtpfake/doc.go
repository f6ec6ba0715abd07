// Package smtpfake is an SMTP submission server that knows the truth about what it
// accepted, for tests, fault rigs, benchmarks and examples.
//
// It is written from the RFCs (5321, 1870, 2034, 2920, 3030, 3207, 3461, 4954, 6152, 6531) and
// is as strict as a server in the field may be. What a client does wrong is answered as such a
// server would, and is recorded: a test of a client ends by asserting that [Server.Violations] is empty.
//
// # Truth
//
// A message is accepted if and only if its complete end was read (the CRLF.CRLF after DATA, or the
// last octet of the last BDAT chunk) and the server decided to take it. Both come before the reply is
// written, and so before any fault that befalls the reply. [Server.Messages] lists what was accepted.
//
// # Faults
//
// A [Hook] may put another reply, raw bytes, a delay or an end of the connection at any [Point] of
// the conversation. Faults at an exact byte are the business of package faultconn: give [Config.Wrap]
// a function that wraps the connection, or wrap it before [Server.ServeConn].
package smtpfake
