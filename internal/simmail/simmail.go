// Package simmail simulates providers of mail, and checks what a router made of them
// (rig R3, P3 to P5 and P9 to P13).
//
// A [Provider] is a [mailer.Sender] that follows the contract to the letter and fails as its
// [Law] says: with the verdicts that the adapters give, and a log of what it really took.
// [World.Run] sends mail through anything that is a Sender, and [History.Check] compares
// every verdict with those logs.
//
// It runs in a bubble of testing/synctest. Nothing is left to the scheduler: each send
// starts at an instant of its own, and every wait has a part, drawn from a stream of its own,
// that no other wait has. So a history follows from the seed, whatever the order in which
// goroutines run; [History.Hash] tells two of them apart.
package simmail

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Source returns the source of randomness of whatever the words name. It is another one
// for other words, and the same whenever it is asked for.
func Source(seed uint64, words ...string) rand.Source {
	h := fnv.New64a()
	for _, w := range words {
		_, _ = h.Write([]byte(w))
		_, _ = h.Write([]byte{0})
	}
	return rand.NewPCG(seed, h.Sum64())
}

// Rand returns a generator upon Source.
func Rand(seed uint64, words ...string) *rand.Rand {
	return rand.New(Source(seed, words...)) //nolint:gosec // a simulation repeats itself, and keeps nothing secret
}

// around draws from half of d up to one and a half of it, in nanoseconds, and never zero.
func around(r *rand.Rand, d time.Duration) time.Duration {
	return d/2 + time.Duration(r.Int64N(int64(d)+997)) + 1
}
