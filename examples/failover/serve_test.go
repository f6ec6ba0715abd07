package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

// running is a service that serves on loopback.
type running struct {
	url  string
	stop context.CancelFunc // as a signal does
	done <-chan error
}

func start(t *testing.T, s *service) running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s.routes(mux)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	done := make(chan error, 1)
	go func() { done <- serve(ctx, l, mux, s) }()
	return running{"http://" + l.Addr().String(), stop, done}
}

// shut ends the service, within a bound that leaves room for a slow machine.
func (r running) shut(t *testing.T) error {
	t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
		return nil
	}
}

// order asks for the receipt of an order and returns the outcome in the answer: "refused" where the
// connection was, or ended before an answer.
func (r running) order(c *http.Client, number int) (outcome string) {
	resp, err := c.PostForm(r.url+"/order", url.Values{"to": {address(number)}, "order": {fmt.Sprint(number)}})
	if err != nil {
		return "refused"
	}
	defer resp.Body.Close()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		return err.Error()
	}
	return a.Outcome
}

func address(number int) string { return fmt.Sprintf("customer-%d@example.org", number) }

// orders are what clients that keep asking were told, by the number of the order.
type orders struct {
	mu       sync.Mutex
	answers  map[int]string
	accepted atomic.Int32
	enough   chan struct{} // closed when a hundred were accepted
}

// place has clients order until each was refused once.
func (o *orders) place(r running, clients int) *sync.WaitGroup {
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
			defer client.CloseIdleConnections()
			for number, outcome := i, ""; outcome != "refused"; number += clients {
				outcome = r.order(client, number)
				o.mu.Lock()
				o.answers[number] = outcome
				o.mu.Unlock()
				if outcome == "accepted" && o.accepted.Add(1) == 100 {
					close(o.enough)
				}
			}
		})
	}
	return &group
}

// A stop under load, with a primary that fails now and then, loses and doubles nothing: who
// was told that it was accepted has one message, and nobody else has any.
func TestStopUnderLoad(t *testing.T) {
	primary := &mailertest.Flaky{Seed: 1, NotAccepted: 0.3}
	backup := &mailertest.Flaky{Seed: 2}
	s, _ := newService(t, newRouter(t, primary, backup))
	r := start(t, s)
	asked := &orders{answers: map[int]string{}, enough: make(chan struct{})}
	group := asked.place(r, 8)
	<-asked.enough
	if err := r.shut(t); err != nil {
		t.Error(err)
	}
	group.Wait()

	has := map[string]int{}
	for _, c := range slices.Concat(primary.Kept(), backup.Kept()) {
		has[c.Recipients[0]]++
	}
	for number, outcome := range asked.answers {
		want := 0
		if outcome == "accepted" {
			want = 1
		}
		if got := has[address(number)]; got != want {
			t.Errorf("order %d was answered %q, and %d copies are there", number, outcome, got)
		}
		delete(has, address(number))
	}
	if len(has) != 0 {
		t.Errorf("nobody asked for %v", has)
	}
	if len(primary.Kept()) == 0 || len(backup.Kept()) == 0 {
		t.Errorf("%d messages went to the primary, %d to the backup: that shows nothing", len(primary.Kept()), len(backup.Kept()))
	}
}

// A message under way when the signal comes gets its verdict, and its client the answer.
func TestStopWaits(t *testing.T) {
	committed, release := make(chan struct{}), make(chan struct{})
	script := &mailertest.Script{Rest: &unreachable, Steps: []mailertest.Step{{After: func(ctx context.Context) error {
		close(committed)
		return mailertest.Until(release)(ctx)
	}}}}
	s, _ := newService(t, script)
	r := start(t, s)
	outcome := make(chan string, 1)
	go func() { outcome <- r.order(http.DefaultClient, 1) }()
	<-committed
	r.stop()
	for r.order(http.DefaultClient, 2) != "refused" { // until the stop has begun
		continue
	}
	close(release)
	if got := <-outcome; got != "accepted" {
		t.Errorf("the client was told %q", got)
	}
	if err := r.shut(t); err != nil || len(script.Kept()) != 1 {
		t.Errorf("%v, %d copies", err, len(script.Kept()))
	}
}

// A provider that never answers does not keep the program from ending; its message is reported.
func TestStopIsBounded(t *testing.T) {
	committed := make(chan struct{})
	script := &mailertest.Script{Steps: []mailertest.Step{{After: func(ctx context.Context) error {
		close(committed)
		return mailertest.Until(nil)(ctx)
	}}}}
	s, _ := newService(t, script)
	s.limits = limits{send: time.Minute, stop: 20 * time.Millisecond, cut: 20 * time.Millisecond}
	var logged strings.Builder
	s.log = textLogger(&logged)
	r := start(t, s)
	outcome := make(chan string, 1)
	go func() { outcome <- r.order(http.DefaultClient, 1) }()
	<-committed
	if err := r.shut(t); err == nil {
		t.Error("it ended as if all were well")
	}
	if got := <-outcome; got != "unknown" {
		t.Errorf("the client was told %q", got)
	}
	kept := script.Kept()
	if len(kept) != 1 || !strings.Contains(logged.String(), `msg="mail left in doubt" message_id=`+kept[0].Message.MessageID) {
		t.Errorf("logged\n%s", logged.String())
	}
}

// A lateSender is closed before its last Send has returned.
type lateSender struct{ answer chan struct{} }

func (s lateSender) Send(_ context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	<-s.answer
	return nil, mailertest.SendError(msg, mailer.SendError{})
}

func (lateSender) Close(context.Context) error { return nil }

// The end of the sender is not the end of the program: the verdict that is still to come is reported.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender := lateSender{make(chan struct{})}
		s, h := newService(t, sender)
		var logged strings.Builder
		s.log = textLogger(&logged)
		go post(t, h, "/order", receiptForm)
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- s.close(t.Context()) }()
		synctest.Wait()
		if len(closed) != 0 {
			t.Error("it is closed while a message is under way")
		}
		close(sender.answer)
		if err := <-closed; err != nil || strings.Count(logged.String(), "mail left in doubt") != 1 {
			t.Errorf("%v, logged %q", err, logged.String())
		}
	})
}
