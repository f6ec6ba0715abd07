package acs_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// limited gives the client the quota that it has by default.
func limited(c *acs.Config) { c.Quota = acs.Quota{} }

func from(address string) *mailer.Message {
	m := simple()
	m.From.Address = address
	return m
}

// fill sends n messages, and wants the next one to be refused by the client itself, for a time
// that is within those bounds.
func fill(t *testing.T, l *lab, client *acs.Client, m *mailer.Message, n int, least, most time.Duration) *mailer.SendError {
	t.Helper()
	for range n {
		mustSend(t, client, m)
	}
	before := l.Stats()
	_, err := client.Send(t.Context(), m)
	e := wantRefused(t, err, mailer.ScopeRate, mailer.ErrRateLimited)
	if e.RetryAfter < least || e.RetryAfter > most || !e.Temporary || !e.Elsewhere || e.Code != 0 {
		t.Errorf("after %d: %+v, want RetryAfter within %v and %v", n, e, least, most)
	}
	if after := l.Stats(); after != before {
		t.Errorf("%+v was %+v: the service was asked", after, before)
	}
	return e
}

// TestQuotaOfMessages: the message that would be too many for the minute or the hour does not leave,
// and one that comes when it was told to does.
func TestQuotaOfMessages(t *testing.T) {
	const slot = time.Second // a sixtieth of a minute
	l := newLab(t, acstest.Config{SendQuota: acstest.Quota{PerMinute: 30, PerHour: 100}})
	l.run(func(t *testing.T) {
		client := l.client(t, limited)
		for range 3 {
			e := fill(t, l, client, simple(), 30, time.Minute, time.Minute+slot)
			time.Sleep(e.RetryAfter - slot)
			if _, err := client.Send(t.Context(), simple()); !errors.Is(err, mailer.ErrRateLimited) {
				t.Errorf("before its time: %v", err)
			}
			time.Sleep(slot)
		}
		e := fill(t, l, client, simple(), 10, 50*time.Minute, time.Hour)
		time.Sleep(e.RetryAfter)
		mustSend(t, client, simple())
	})
	if u := l.SendUsage(); u.Throttled != 0 || u.Total != 101 {
		t.Errorf("the service counted %+v", u)
	}
	wantCopies(t, l.held(), 101)
}

// TestQuotaOfManagedDomains: these have one of their own, which messages from other domains do not use.
func TestQuotaOfManagedDomains(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		client := l.client(t, limited)
		managed := from("DoNotReply@0a1b2c3d.azurecomm.net")
		e := fill(t, l, client, managed, 5, time.Minute, time.Minute+time.Second)
		mustSend(t, client, simple())
		time.Sleep(e.RetryAfter)
		fill(t, l, client, managed, 5, 50*time.Minute, time.Hour+time.Minute)
		mustSend(t, client, simple())
	})
	wantCopies(t, l.held(), 12)
}

// TestQuotaShare: one of four instances takes a quarter.
func TestQuotaShare(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		client := l.client(t, func(c *acs.Config) { c.Quota, c.QuotaShare = acs.Quota{}, 4 })
		e := fill(t, l, client, simple(), 30/4, time.Minute, time.Minute+time.Second)
		time.Sleep(e.RetryAfter)
		fill(t, l, client, simple(), 30/4, time.Minute, time.Minute+time.Second)
		fill(t, l, client, from("a@x.azurecomm.net"), 1, time.Minute, time.Minute+time.Second)
		many := l.client(t, func(c *acs.Config) { c.Quota, c.QuotaShare = acs.Quota{}, 10 })
		fill(t, l, many, from("a@x.azurecomm.net"), 1, time.Hour, time.Hour+time.Minute) // a tenth of 10 an hour
	})
}

// TestQuotaOff: without limits there are none.
func TestQuotaOff(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		client := l.client(t, nil)
		for range 40 {
			mustSend(t, client, simple())
			mustSend(t, client, from("a@x.azurecomm.net"))
		}
	})
}

// TestQuotaGivenBack: a message that never left takes no place.
func TestQuotaGivenBack(t *testing.T) {
	broken := true
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		client := l.client(t, func(c *acs.Config) {
			limited(c)
			dial := c.Dial
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if broken {
					return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
				}
				return dial(ctx, network, address)
			}
		})
		for range 100 {
			_, err := client.Send(t.Context(), simple())
			wantRefused(t, err, mailer.ScopeProvider, mailer.ErrUnavailable)
		}
		broken = false
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 {
			_, err := client.Send(cancelled, simple())
			wantRefused(t, err, mailer.ScopeCaller, context.Canceled)
		}
		gate := new(mailer.Gate)
		gate.Cancel()
		for range 100 {
			_, err := client.Send(mailer.WithGate(t.Context(), gate), simple())
			wantRefused(t, err, mailer.ScopeCaller, nil)
		}
		fill(t, l, client, simple(), 30, time.Minute, time.Minute+time.Second)
	})
	wantCopies(t, l.held(), 30)
}

// TestQuotaOfRefused: what the service refused has taken a place all the same, also where it refused before it
// had the whole.
func TestQuotaOfRefused(t *testing.T) {
	l := newLab(t, acstest.Config{})
	for range 5 {
		l.Next(acstest.Reply(acstest.BadRequest("content.subject")))
		l.Next(early(acstest.BadRequest("content.subject")))
	}
	l.run(func(t *testing.T) {
		client := l.client(t, limited)
		for range 10 {
			m := simple()
			large(m)
			_, err := client.Send(t.Context(), m)
			wantRefused(t, err, mailer.ScopeMessage, nil)
		}
		fill(t, l, client, simple(), 20, time.Minute, time.Minute+time.Second)
	})
}

// TestQuotaOfDenied: what the service has not let in takes no place. Messages and questions leave again as
// soon as the key is right.
func TestQuotaOfDenied(t *testing.T) {
	l := newLab(t, acstest.Config{SendQuota: acstest.Quota{PerMinute: 30, PerHour: 100}})
	l.run(func(t *testing.T) {
		key := mailer.NewSecret(l.SecondaryKey())
		l.RegenerateKey(1)
		client := l.client(t, func(c *acs.Config) {
			limited(c)
			c.Key = mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return key, nil })
		})
		for range 200 {
			_, err := client.Send(t.Context(), simple())
			wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized)
			if _, err := client.Status(t.Context(), acs.OperationID("some key")); !errors.Is(err, mailer.ErrUnauthorized) {
				t.Fatal(err)
			}
		}
		key = mailer.NewSecret(l.Key())
		if _, err := client.Status(t.Context(), acs.OperationID("some key")); !errors.Is(err, acs.ErrNoOperation) {
			t.Error(err)
		}
		fill(t, l, client, simple(), 30, time.Minute, time.Minute+time.Second)
	})
	if u := l.SendUsage(); u.Throttled != 0 || u.Total != 30 {
		t.Errorf("the service counted %+v", u)
	}
	wantCopies(t, l.held(), 30)
}

// TestThrottled: after a 429 nothing leaves until the time that the service named, or a minute where it
// names none. Messages from managed domains and questions are counted apart.
func TestThrottled(t *testing.T) {
	date := acstest.RateLimitedUntilDate(bubbleStart.Add(5 * time.Minute))
	date.Header.Set("Date", bubbleStart.Format(http.TimeFormat))
	for _, c := range []struct {
		name  string
		fault acstest.Fault
		said  time.Duration
		wait  time.Duration
	}{
		{"an hour", acstest.Reply(acstest.RateLimitedFor(time.Hour)), time.Hour, time.Hour},
		{"a day", acstest.Reply(acstest.RateLimitedFor(24 * time.Hour)), time.Hour, time.Hour}, // at most, at once
		{"ten seconds", acstest.Reply(acstest.RateLimitedFor(10 * time.Second)), 10 * time.Second, 10 * time.Second},
		{"a date", acstest.Reply(date), 5 * time.Minute, 5 * time.Minute},
		{"nothing", acstest.Reply(acstest.RateLimited()), 0, time.Minute},
		{"before it has the message", early(acstest.RateLimitedFor(time.Hour)), time.Hour, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, acstest.Config{})
			l.Next(c.fault)
			l.run(func(t *testing.T) {
				client := l.client(t, limited)
				first := simple()
				large(first)
				_, err := client.Send(t.Context(), first)
				e := wantRefused(t, err, mailer.ScopeRate, mailer.ErrRateLimited)
				if e.Code != http.StatusTooManyRequests || e.RetryAfter != c.said {
					t.Errorf("got %d, to wait %v; want %v", e.Code, e.RetryAfter, c.said)
				}
				fill(t, l, client, simple(), 0, c.wait, c.wait)
				mustSend(t, client, from("a@x.azurecomm.net"))
				if _, err := client.Status(t.Context(), acs.OperationID("some key")); !errors.Is(err, acs.ErrNoOperation) {
					t.Error(err)
				}
				time.Sleep(c.wait - time.Nanosecond)
				fill(t, l, client, simple(), 0, time.Nanosecond, time.Nanosecond)
				time.Sleep(time.Nanosecond)
				mustSend(t, client, simple())
			})
			wantCopies(t, l.held(), 2)
		})
	}
}

// TestThrottledReads: the same for questions.
func TestThrottledReads(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.Next(acstest.Reply(acstest.RateLimitedFor(time.Hour)))
	l.run(func(t *testing.T) {
		client := l.client(t, limited)
		for range 3 {
			got, err := client.Resolve(t.Context(), prepared(t, simple()))
			wantUnresolved(t, got, err, mailer.ErrRateLimited)
			_, err = client.Status(t.Context(), acs.OperationID("some key"))
			if !errors.Is(err, mailer.ErrRateLimited) {
				t.Errorf("Status: %v", err)
			}
		}
		mustSend(t, client, simple())
		time.Sleep(time.Hour)
		if _, err := client.Status(t.Context(), acs.OperationID("some key")); !errors.Is(err, acs.ErrNoOperation) {
			t.Errorf("after an hour: %v", err)
		}
	})
	wantRequests(t, l.Requests(), 1, 2)
}

// TestQuotaOfReads: twice as many as messages, and a question that never left is given back.
func TestQuotaOfReads(t *testing.T) {
	l := newLab(t, acstest.Config{StatusQuota: acstest.Quota{PerMinute: 60, PerHour: 200}})
	l.run(func(t *testing.T) {
		client := l.client(t, limited)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 {
			if _, err := client.Status(ended, acs.OperationID("some key")); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		for range 60 {
			if _, err := client.Status(t.Context(), acs.OperationID("some key")); !errors.Is(err, acs.ErrNoOperation) {
				t.Fatal(err)
			}
		}
		if _, err := client.Status(t.Context(), acs.OperationID("some key")); !errors.Is(err, mailer.ErrRateLimited) {
			t.Errorf("the 61st: %v", err)
		}
	})
	if u := l.StatusUsage(); u.Throttled != 0 || u.Total != 60 {
		t.Errorf("the service counted %+v", u)
	}
}

// TestQuotaAtOnce: of a hundred that come together, as many leave as there is room for.
func TestQuotaAtOnce(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.run(func(t *testing.T) {
		client := l.client(t, limited)
		results := make(chan error, 100)
		for range cap(results) {
			go func() {
				_, err := client.Send(t.Context(), simple())
				results <- err
			}()
		}
		sent := 0
		for range cap(results) {
			if err := <-results; err == nil {
				sent++
			} else if !errors.Is(err, mailer.ErrRateLimited) {
				t.Error(err)
			}
		}
		if synctest.Wait(); sent != 30 {
			t.Errorf("%d left, want 30", sent)
		}
	})
	wantCopies(t, l.held(), 30)
}

// slowly lets the next n connections take that long.
func slowly(dial dialer, n int64, d time.Duration) dialer {
	var dialed atomic.Int64
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialed.Add(1) <= n {
			time.Sleep(d)
		}
		return dial(ctx, network, address)
	}
}

// TestQuotaOfSlowCalls: the service counts a call when it gets there, which may be long after it
// began. It counts as long from then.
func TestQuotaOfSlowCalls(t *testing.T) {
	l := newLab(t, acstest.Config{
		SendQuota: acstest.Quota{PerMinute: 30, PerHour: 100}, StatusQuota: acstest.Quota{PerMinute: 60, PerHour: 200},
	})
	l.run(func(t *testing.T) {
		client := l.client(t, func(c *acs.Config) {
			limited(c)
			c.MaxConns, c.IdleTimeout = 90, -1
			c.Dial = slowly(c.Dial, 30+60, 10*time.Second)
		})
		results := make(chan error, 30+60)
		fill := func() (refused int) {
			for i := range cap(results) {
				go func() {
					var err error
					if i < 30 {
						_, err = client.Send(t.Context(), simple())
					} else {
						_, err = client.Status(t.Context(), acs.OperationID("some key"))
					}
					results <- err
				}()
			}
			for range cap(results) {
				switch err := <-results; {
				case errors.Is(err, mailer.ErrRateLimited):
					refused++
				case err != nil && !errors.Is(err, acs.ErrNoOperation):
					t.Error(err)
				}
			}
			return refused
		}
		began := time.Now()
		for _, c := range []struct {
			at      time.Duration
			refused int
		}{{0, 0}, {62 * time.Second, 90}, {72 * time.Second, 0}} {
			time.Sleep(c.at - time.Since(began))
			if n := fill(); n != c.refused {
				t.Errorf("at %v %d were refused, want %d", c.at, n, c.refused)
			}
		}
	})
	if s, r := l.SendUsage(), l.StatusUsage(); s.Throttled != 0 || r.Throttled != 0 || s.Total != 60 || r.Total != 120 {
		t.Errorf("the service counted %+v and %+v", s, r)
	}
}
