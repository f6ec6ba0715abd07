// Package httpapi is one hardened call of a provider's HTTP API, and the account of it.
//
// A [Client] makes exchanges over HTTP/1.1 connections of its own and knows of each
// whether the last byte of the request left and whether the connection took it, which is
// the boundary between NotAccepted and Unknown. It asks the gate just before, sends a
// Content-Length always, streams bodies without keeping a copy, listens for a reply while
// a large body is still on its way, and never repeats, redirects, or decompresses.
//
// An [API] puts a provider on top: its credential, and what its replies mean.
package httpapi
