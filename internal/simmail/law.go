package simmail

import (
	"fmt"
	"strings"
	"time"
)

// A Mode is how a provider behaves at one moment.
type Mode int

const (
	// Up: it takes mail.
	Up Mode = iota
	// Refuses connections, at once.
	Refuses
	// BlackHole takes connections and never says a word.
	BlackHole
	// Unavailable answers 421 before there is any content.
	Unavailable
	// Revoked answers 535 to the credentials.
	Revoked
	// Throttles answers 450 4.7.0 with a Retry-After of two seconds.
	Throttles
	// FailsAfter answers 451 to the content.
	FailsAfter
	// LosesReply takes the message and drops the connection.
	LosesReply
	// LosesMessage drops the connection once it has the content, and forgets it.
	LosesMessage
	// Silent takes the message and never answers.
	Silent
	// Slow takes the message and answers after twelve seconds.
	Slow
	// LiesRefusing delivers the message and answers 451.
	LiesRefusing
	// LiesAccepting answers 250 and drops the message.
	LiesAccepting
)

var modeNames = [...]string{
	"up", "refuses", "black hole", "unavailable", "revoked", "throttles", "fails after", "loses reply",
	"loses message", "silent", "slow", "lies refusing", "lies accepting",
}

// String returns the name in lower case, such as "black hole".
func (m Mode) String() string { return modeNames[m] }

// Dead reports whether no message gets in.
func (m Mode) Dead() bool { return m == Refuses || m == BlackHole || m == Unavailable }

// Lies reports whether replies say what is not so.
func (m Mode) Lies() bool { return m == LiesRefusing || m == LiesAccepting }

// A Change begins a mode.
type Change struct {
	At   time.Duration // since the world began
	Mode Mode
}

// A Law is what becomes of a provider over time: changes in the order of time. It is Up
// before the first, and so is the zero Law for ever.
type Law []Change

// At returns the mode at a moment.
func (l Law) At(at time.Duration) Mode {
	mode := Up
	for _, c := range l {
		if c.At > at {
			break
		}
		mode = c.Mode
	}
	return mode
}

// until returns when the mode at a moment ends.
func (l Law) until(at time.Duration) time.Duration {
	for _, c := range l {
		if c.At > at {
			return c.At
		}
	}
	return long
}

// During is m from one moment until another.
func During(m Mode, from, until time.Duration) Law {
	return Law{{At: from, Mode: m}, {At: until, Mode: Up}}
}

// Flap goes through the modes in turn, a period each, until a moment from which it is Up.
func Flap(period, until time.Duration, modes ...Mode) Law {
	var l Law
	for i, at := 0, time.Duration(0); at < until; i, at = i+1, at+period {
		l = append(l, Change{At: at, Mode: modes[i%len(modes)]})
	}
	return append(l, Change{At: until, Mode: Up})
}

// String returns the first changes, such as "0s refuses, 5s up".
func (l Law) String() string {
	if len(l) == 0 {
		return "up"
	}
	const shown = 6
	var parts []string
	for _, c := range l[:min(len(l), shown)] {
		parts = append(parts, fmt.Sprintf("%s %s", c.At, c.Mode))
	}
	if n := len(l) - shown; n > 0 {
		parts = append(parts, fmt.Sprintf("%d more, at last %s %s", n, l[len(l)-1].At, l[len(l)-1].Mode))
	}
	return strings.Join(parts, ", ")
}
