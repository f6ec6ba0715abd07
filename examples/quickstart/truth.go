package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// holdings are how many copies the primary, the backup and the relay have.
type holdings [3]int

func (h holdings) sum() int { return h[0] + h[1] + h[2] }

// since returns what came to h after before.
func (h holdings) since(before holdings) holdings {
	return holdings{h[0] - before[0], h[1] - before[1], h[2] - before[2]}
}

func (h holdings) String() string {
	return fmt.Sprintf("primary has %s, backup has %s, relay has %s", some(h[0]), some(h[1]), some(h[2]))
}

func some(copies int) string {
	switch copies {
	case 0:
		return "nothing"
	case 1:
		return "it"
	}
	return fmt.Sprint(copies, " copies")
}

// send sends msg and prints the account of it and, beside that, what only the servers know.
// Any other error than want ends the story.
func (s *story) send(ctx context.Context, msg *mailer.Message, want error) error {
	before := make(map[string]holdings)
	for _, r := range msg.To {
		before[r.Address] = s.servers.copies(r.Address)
	}
	err := send(ctx, s.w, s.sender, msg)
	switch {
	case err != nil && !errors.Is(err, want):
		return err
	case err == nil && want != nil:
		return fmt.Errorf("accepted, want %w", want)
	}
	if err != nil {
		s.printf("   error      %v\n", err)
	}
	for _, r := range msg.To {
		s.printf("   in truth   %s, for %s\n", s.servers.copies(r.Address).since(before[r.Address]), r.Address)
	}
	return nil
}

// many is how many messages show the course of things.
const many = 20

// sendMany sends messages to people that are called name, one after the other, and makes sure that
// each has one. Before each of them it calls prepare.
func (s *story) sendMany(ctx context.Context, name string, prepare func(i int)) error {
	failed, all := 0, holdings{}
	for i := range many {
		prepare(i)
		to := mailer.Address{Address: fmt.Sprintf("%s-%d@example.org", name, i+1)}
		receipt, err := s.sender.Send(ctx, &mailer.Message{
			From: ann, To: []mailer.Address{to}, Subject: "Your code", Text: "271828\n", Delivery: mailer.AtLeastOnce,
		})
		if err != nil {
			return err
		}
		failed += failedAttempts(receipt)
		has := s.servers.copies(to.Address)
		if has.sum() != 1 {
			return fmt.Errorf("%s has %d copies: %s", to.Address, has.sum(), has)
		}
		all[slices.Index(has[:], 1)]++
	}
	s.printf("   outcome    %d messages accepted; failed attempts: %d\n", many, failed)
	s.printf("   in truth   primary has %d of them, backup has %d, relay has %d, each once\n", all[0], all[1], all[2])
	return nil
}

func failedAttempts(r *mailer.Receipt) int {
	n := 0
	for _, a := range r.Attempts {
		if a.Skipped == "" && a.Outcome != mailer.Accepted {
			n++
		}
	}
	return n
}

func (s *story) printHealth() {
	var routes []string
	for _, h := range s.router.Health() {
		text := h.Name + " " + h.State.String()
		switch {
		case h.Cause != "":
			text += " (" + h.Cause + ")"
		case !h.GatedUntil.IsZero():
			text += " (over its quota)"
		}
		routes = append(routes, text)
	}
	s.printf("   health     %s\n", strings.Join(routes, ", "))
}

// untilLookedAt waits until the router has looked at the backup again and found that it
// answers. A program does not do this; here it makes a short story of it.
func (s *story) untilLookedAt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.router.Health()[1].State == router.Open {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
