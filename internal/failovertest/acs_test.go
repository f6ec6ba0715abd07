package failovertest

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/router"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// acsAt is the connection string of a primary at ACS. Its quota is not what these tests are about.
func acsAt(s *acstest.Server, key, params string) string {
	return "acs://" + s.Addr() + "?name=primary&quota=none&key=" + key + params
}

func acsStarted(t *testing.T, cfg acstest.Config) (*acstest.Server, string) {
	t.Helper()
	s := acstest.Start(t, cfg)
	return s, acsAt(s, dsn.Escape(s.Key()), unprotected)
}

func acsRefusing(t *testing.T, cfg acstest.Config, replies ...acstest.Answer) *provider {
	t.Helper()
	s, url := acsStarted(t, cfg)
	refuse := func() {
		for _, a := range replies {
			s.Next(acstest.Reply(a))
		}
	}
	return &provider{url, refuse, func() int { return len(s.Messages()) }}
}

// A message that fits the backup alone goes there without a word to the primary, which stays as it was.
func TestUnfitForACS(t *testing.T) {
	t.Parallel()
	s, url := acsStarted(t, acstest.Config{})
	r := open(t, url, "rest=1h")
	for range many {
		receipt, e := r.send(t, func(m *mailer.Message) {
			m.Attachments = []mailer.Attachment{{Name: "setup.exe", Content: mailer.Bytes([]byte("MZ"))}}
		})
		if e != nil || receipt.Route != "backup" {
			t.Fatalf("error %v\n%s", e, told(receipt))
		}
		r.wantState(t, router.Closed)
	}
	if n := s.Stats().Conns; n != 0 {
		t.Errorf("%d connections for messages that do not fit", n)
	}
	r.accepted(t, "primary")
	if n := len(s.Messages()); n != 1 || len(r.backup.Messages()) != many {
		t.Errorf("%d copies at the primary and %d at the backup, want 1 and %d", n, len(r.backup.Messages()), many)
	}
}

// Recipients whom the service sends nothing to are refused, go nowhere else, and say nothing of the route.
// They wait for what becomes of their messages at the same time.
func TestSuppressedAtACS(t *testing.T) {
	t.Parallel()
	s := acstest.Start(t, acstest.Config{Suppressed: []string{marker + "@example.org"}, RetryAfter: -1})
	r := open(t, acsAt(s, dsn.Escape(s.Key()), unprotected+"&wait=20s"), "rest=1h")
	var sends sync.WaitGroup
	for range many {
		sends.Go(func() {
			receipt, e := r.send(t, badRecipient)
			if e == nil || e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeRecipient || receipt.Route != "primary" {
				t.Errorf("error %v\n%s", e, told(receipt))
			}
		})
	}
	sends.Go(func() { r.accepted(t, "primary") })
	sends.Wait()
	r.wantState(t, router.Closed)
	if n := len(s.Messages()); n != many+1 || len(r.backup.Messages()) != 0 {
		t.Errorf("%d messages at the primary and %d at the backup, want %d and 0", n, len(r.backup.Messages()), many+1)
	}
}

// A limit that lasts for an hour keeps messages away and does not rest the route: the one that ran into it
// goes on at once, and the others do not try.
func TestHourlyLimitAtACS(t *testing.T) {
	t.Parallel()
	s, url := acsStarted(t, acstest.Config{})
	r := open(t, url, "rest=1h")
	r.accepted(t, "primary")
	s.Next(acstest.Reply(acstest.RateLimitedFor(time.Hour)))
	first := r.accepted(t, "backup")
	if a := first.Attempts[0]; len(first.Attempts) != 2 || a.Scope != mailer.ScopeRate || a.Code != 429 || a.Decision != "next route" {
		t.Errorf("attempts\n%s", told(first))
	}
	contacts := s.Stats().Requests
	for range many {
		r.passOver(t)
		r.wantState(t, router.Closed)
	}
	if n := s.Stats().Requests; n != contacts || len(s.Messages()) != 1 {
		t.Errorf("%d requests before, and %d after; %d messages", contacts, n, len(s.Messages()))
	}
	if left := time.Until(r.primary().GatedUntil); left > time.Hour || left < time.Hour-within {
		t.Errorf("gated for another %v, want an hour", left)
	}
}

// A refusal of a good key that is not repeated is nothing that anybody hears of.
func TestSpuriousRefusalAtACS(t *testing.T) {
	t.Parallel()
	s, url := acsStarted(t, acstest.Config{})
	r := open(t, url, "rest=1h")
	for range many {
		s.Next(acstest.Reply(acstest.SpuriousUnauthorized()))
		if receipt := r.accepted(t, "primary"); len(receipt.Attempts) != 1 {
			t.Errorf("attempts\n%s", told(receipt))
		}
		r.wantState(t, router.Closed)
	}
	if n := len(s.Messages()); n != many || len(r.backup.Messages()) != 0 {
		t.Errorf("%d messages at the primary and %d at the backup, want %d and 0", n, len(r.backup.Messages()), many)
	}
}

// The start of a synctest bubble's time.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// A key that is refused rests the route at once, which says that somebody has to look at it. It
// comes back by itself when the key in its file is right again: the check is due half a minute later, and
// here time passes as soon as nobody is busy, while the service stands still at the time when it began.
func TestKeyComesBackAtACS(t *testing.T) {
	s := acstest.Start(t, acstest.Config{Now: func() time.Time { return epoch }})
	file := filepath.Join(t.TempDir(), "key")
	write(t, file, s.Key())
	backup := backupStarted(t)
	synctest.Test(t, func(t *testing.T) {
		r := openWith(t, backup, acsAt(s, "${file:"+file+"}", unprotected), "rest=1s")
		r.accepted(t, "primary")
		fresh := s.RegenerateKey(0)
		denied := r.accepted(t, "backup")
		if a := denied.Attempts[0]; len(denied.Attempts) != 2 || a.Scope != mailer.ScopeAccount || a.Code != 401 || len(s.Denials()) != 2 {
			t.Errorf("attempts\n%s%q", told(denied), s.Denials())
		}
		if h := r.primary(); h.State != router.Open || h.Cause != "config" {
			t.Errorf("health %+v", h)
		}
		denials := len(s.Denials())
		for range many {
			r.passOver(t)
		}
		if n := len(s.Denials()); n != denials {
			t.Errorf("%d denials before, and %d after", denials, n)
		}
		write(t, file, fresh)
		since := time.Now()
		r.await(t, func() bool { return r.primary().State != router.Open })
		if rested := time.Since(since); rested < 20*time.Second || rested > time.Minute {
			t.Errorf("it was back after %v", rested)
		}
		time.Sleep(within) // in which a message would be preferred that may be doubled
		r.accepted(t, "primary")
		r.wantState(t, router.Closed)
		if n := len(s.Messages()); n != 2 || len(s.Denials()) != denials {
			t.Errorf("%d messages, denials %q", n, s.Denials())
		}
	})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
