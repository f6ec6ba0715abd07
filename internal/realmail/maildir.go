package realmail

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const deliveryLimit = 30 * time.Second

// Maildir waits until everything that the server accepted has been delivered or
// bounced, and returns the messages in the mailbox of address that no earlier call
// returned, oldest first. It fails the test unless they are exactly n; with n zero it
// shows that nothing came.
//
// A message is as Postfix stored it: lines end in LF, and Return-Path, X-Original-To,
// Delivered-To and Received stand before the header that was sent.
func (s *Servers) Maildir(tb testing.TB, address string, n int) [][]byte {
	tb.Helper()
	if err := s.awaitDelivery(time.Now().Add(deliveryLimit)); err != nil {
		tb.Fatalf("realmail: %v", err)
	}
	messages, err := takeNew(filepath.Join(s.dir, "mail", localPart(address)))
	if err != nil {
		tb.Fatalf("realmail: mailbox of %s: %v", address, err)
	}
	if len(messages) != n {
		tb.Fatalf("realmail: %s got %d messages, want %d", address, len(messages), n)
	}
	return messages
}

// awaitDelivery returns when the queue has been seen empty twice: a bounce enters the
// queue before the message that it is about leaves it, so once may be in between.
func (s *Servers) awaitDelivery(deadline time.Time) error {
	for seenEmpty := 0; seenEmpty < 2; {
		queued, err := s.queued()
		if err != nil {
			return err
		}
		if queued == 0 {
			seenEmpty++
			continue
		}
		seenEmpty = 0
		if time.Now().After(deadline) {
			return fmt.Errorf("%d messages are still in the queue", queued)
		}
		time.Sleep(pollEvery)
	}
	return nil
}

// queued counts the messages that the server has accepted and not yet dealt with. The
// queues are read in the order in which a message passes through them, so that none
// slips by.
func (s *Servers) queued() (int, error) {
	n := 0
	for _, queue := range []string{"maildrop", "incoming", "active", "deferred"} {
		err := filepath.WalkDir(filepath.Join(s.dir, "queue", queue), func(_ string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return ignoreGone(err)
			}
			info, err := entry.Info()
			if err != nil {
				return ignoreGone(err)
			}
			// Postfix makes a file executable when it holds a whole message.
			if info.Mode()&0o100 != 0 {
				n++
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// ignoreGone forgives that a file was moved on while it was looked at.
func ignoreGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// takeNew returns the messages in dir/new and moves them to dir/cur, as a reader of a
// Maildir does. A mailbox that never got a message does not exist.
func takeNew(dir string) ([][]byte, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "new"))
	if err != nil {
		return nil, ignoreGone(err)
	}
	arrival := func(e fs.DirEntry) time.Time {
		info, err := e.Info()
		if err != nil {
			return time.Time{}
		}
		return info.ModTime()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return arrival(a).Compare(arrival(b)) })
	var messages [][]byte
	for _, entry := range entries {
		path := filepath.Join(dir, "new", entry.Name())
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := os.Rename(path, filepath.Join(dir, "cur", entry.Name())); err != nil {
			return nil, err
		}
		messages = append(messages, content)
	}
	return messages, nil
}
