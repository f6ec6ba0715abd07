package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// send sends msg and prints the account of it and, beside that, what only the servers know.
// Any other error than want ends the story.
func (s *story) send(ctx context.Context, msg *mailer.Message, want error) error {
	before := make(map[string][2]int)
	for _, r := range msg.To {
		before[r.Address] = s.copies(r.Address)
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
		after := s.copies(r.Address)
		s.printf("   in truth   primary has %s, backup has %s, for %s\n",
			some(after[0]-before[r.Address][0]), some(after[1]-before[r.Address][1]), r.Address)
	}
	return nil
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

// copies returns how many copies for address the primary and the backup have.
func (s *story) copies(address string) [2]int {
	return [2]int{s.servers.primary.copies(address), s.servers.backup.copies(address)}
}

// many is how many messages show the course of things.
const many = 20

// sendMany sends messages to people that are called name, one after the other, and makes sure that
// each has one.
func (s *story) sendMany(ctx context.Context, name string) error {
	failed, copies := 0, [2]int{}
	for i := range many {
		to := mailer.Address{Address: fmt.Sprintf("%s-%d@example.org", name, i+1)}
		receipt, err := s.sender.Send(ctx, &mailer.Message{
			From: ann, To: []mailer.Address{to}, Subject: "Your code", Text: "271828\n", Delivery: mailer.AtLeastOnce,
		})
		if err != nil {
			return err
		}
		failed += failedAttempts(receipt)
		has := s.copies(to.Address)
		if has[0]+has[1] != 1 {
			return fmt.Errorf("%s has %d copies at the primary, %d at the backup", to.Address, has[0], has[1])
		}
		copies[0], copies[1] = copies[0]+has[0], copies[1]+has[1]
	}
	s.printf("   outcome    %d messages accepted; failed attempts: %d\n", many, failed)
	s.printf("   in truth   primary has %d of them, backup has %d, each once\n", copies[0], copies[1])
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
		if h.Cause != "" {
			text += " (" + h.Cause + ")"
		}
		routes = append(routes, text)
	}
	s.printf("   health     %s\n", strings.Join(routes, ", "))
}

// untilLookedAt waits until the router has looked at the primary again and found that it
// answers. A program does not do this; here it makes a short story of it.
func (s *story) untilLookedAt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for s.router.Health()[0].State == router.Open {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
