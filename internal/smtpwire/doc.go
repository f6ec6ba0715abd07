// Package smtpwire is the client's side of the SMTP conversation: RFC 5321, with
// STARTTLS (3207), AUTH (4954), PIPELINING (2920), CHUNKING (3030), SIZE (1870),
// 8BITMIME (6152), SMTPUTF8 (6531) and DSN (3461).
//
// It reports facts and judges nothing: what was replied at which stage, and whether
// the last byte that the server needs was released. Verdicts are the adapter's.
//
// Three rules hold throughout. Every reply is bounded. Every wait ends when ctx ends.
// And after anything that leaves the state of the conversation in doubt, the
// connection is closed hard: no terminator, no RSET, no QUIT, which a server could
// take for the end of a message.
package smtpwire
