package mailertest

import (
	"slices"
	"sync"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Copy is one copy of a message that a pretended provider has.
type Copy struct {
	// Message is the prepared message, with its contents in memory. It is shared; do not change it.
	Message *mailer.Message
	// Recipients are those for whom it was accepted.
	Recipients []string
}

// A ledger is the truth about what a pretended provider has.
type ledger struct {
	mu     sync.Mutex
	copies []Copy
}

func (l *ledger) add(c Copy) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.copies = append(l.copies, c)
}

func (l *ledger) all() []Copy {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.copies)
}

func (l *ledger) count(messageID string) int {
	n := 0
	for _, c := range l.all() {
		if c.Message.MessageID == messageID {
			n++
		}
	}
	return n
}

func (l *ledger) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.copies = nil
}
