// Package apifake is what the fakes of providers' HTTP APIs have in common: an HTTP/1.1
// server on loopback that knows the truth, shows every request whole, and misbehaves at
// an exact place when it is told to.
//
// It speaks over raw connections, not through net/http, so that every byte of an answer
// and the moment of every end are the fake's to choose. What a request means is for the
// [Handler] of each fake to say.
package apifake
