// Package sink is the far end of the benchmarks: an SMTP server that does as little as it can, and a
// proxy that makes the way to it long.
//
// The server takes everything from everybody and keeps nothing, so that what is measured is the client.
// It does not check what it is told; that the contenders speak SMTP is tested with package smtpfake.
package sink
