// Command bench compares Mailkeel with the Go libraries people send mail with today, and with what is
// possible at all, and says which of the goals are met:
//
//	cd internal/bench && go run .            # all goals, about four minutes
//	cd internal/bench && go run . -only G3   # one goal
//	cd internal/bench && go run . -only parse
//	cd internal/bench && go run . -quick     # a minute at most; the figures mean little
//
// It is a module of its own, so that the peers never enter the library's.
//
// # Method
//
// Everything runs on this machine's loopback. The servers, and the proxy that delays, are a process of
// their own, so that CPU time and allocations are the client's alone; attachments are sent by a fresh process for
// each contender, whose memory is then its own. In every repetition the contenders run in another random
// order. A figure is the median of the repetitions with the lowest and highest; a ratio is the median of the
// ratios within each repetition. Every contender runs at its best settings: connections stay open, each
// caller has its own, and what can be switched off is. The vendors' clients for providers' APIs run twice,
// with the transport they come with and with one that keeps a connection for each caller. ACS has no client
// in Go: what is compared is azcore's pipeline with a policy that signs and a model for encoding/json, as one writes
// them, once as it comes and once with such a transport and without retries. Contenders
// marked "bytes" send small messages that were built beforehand; all others build MIME, or what the API
// takes, for every message.
//
// G7, what deciding where a message goes costs, is measured before a provider without a network, which
// makes its receipt as the adapters do; a call of that alone is subtracted. G8 is run in real time, once
// but for the scenarios in which milliseconds count. Messages come at a steady rate however long those
// before them take, all contenders have the same adapters, and the providers count what they have
// taken. The time-out is that of the whole send for Mailkeel; for the others it is that of an attempt,
// without which they would not get to the backup.
//
// Absolute rates depend on the machine and its load. Ratios, CPU time, allocations and round trips
// are what to compare.
package main
