// Package sink is the far end of the benchmarks: an SMTP server and an HTTP server, for providers' APIs, that
// do as little as they can, and a proxy that makes the way to one long.
//
// The servers take everything from everybody and keep nothing, so that what is measured is the client.
// They do not check what they are told; that the contenders say it right is tested with stricter ones.
package sink
