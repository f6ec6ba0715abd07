package acs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// TestSignedBodies: a body is signed as it is sent, whatever its size and whoever sends beside it.
// The content of an attachment is read twice, from its beginning.
func TestSignedBodies(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	for _, size := range []int{0, 1, 2, 3, 40_000, 1 << 20, 6 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			content := bytes.Repeat([]byte("0123456789\x00\xff\n"), size/13+1)[:size]
			opened := 0
			m := simple()
			if size > 0 {
				m.Attachments = []mailer.Attachment{{Name: "a.pdf", ContentType: "application/pdf", Content: mailer.Opener(int64(size), func() (io.ReadCloser, error) {
					opened++
					return io.NopCloser(bytes.NewReader(content)), nil
				})}}
			}
			mustSend(t, client, m)
			all := server.Messages()
			last := all[len(all)-1]
			switch {
			case size > 0 && (len(last.Attachments) != 1 || !bytes.Equal(last.Attachments[0].Content, content)):
				t.Error("the service has something else")
			case size > 0 && opened != 2:
				t.Errorf("opened %d times, want 2: to sign it and to send it", opened)
			}
		})
	}
	if d := server.Denials(); len(d) > 0 {
		t.Errorf("denied: %q", d)
	}
}

// slowRefresh is a key whose source takes 3 s to look whether it is still the same.
type slowRefresh struct{ mailer.SecretSource }

func (slowRefresh) Refresh() { time.Sleep(3 * time.Second) }

// spurious is a refusal at the time when bubbles begin.
func spurious() acstest.Fault {
	a := acstest.SpuriousUnauthorized()
	a.Header.Set("Date", bubbleStart.Format(http.TimeFormat))
	return acstest.Reply(a)
}

// TestSpuriousRefusal: a refusal is answered once, with a signature of its own time.
func TestSpuriousRefusal(t *testing.T) {
	l := newLab(t, acstest.Config{})
	l.Next(spurious())
	l.run(func(t *testing.T) {
		client := l.client(t, func(c *acs.Config) { c.Key = slowRefresh{mailer.NewSecret(l.Key())} })
		mustSend(t, client, simple())
	})
	wantCopies(t, l.held(), 1)
	var dates []string
	for _, r := range l.Requests() {
		dates = append(dates, r.Header.Get("X-Ms-Date"))
	}
	if len(dates) != 2 || dates[0] != "Sat, 01 Jan 2000 00:00:00 GMT" || dates[1] != "Sat, 01 Jan 2000 00:00:03 GMT" {
		t.Errorf("signed at %q", dates)
	}
	if d := l.Denials(); len(d) > 0 {
		t.Errorf("denied: %q", d)
	}
}

// TestDenied: the second refusal stands, and nobody asks a third time.
func TestDenied(t *testing.T) {
	other := acstest.Start(t, acstest.Config{})
	server, client := start(t, acstest.Config{}, func(c *acs.Config) { c.Key = mailer.NewSecret(other.Key()) })
	for range 2 {
		_, err := client.Send(t.Context(), simple())
		if e := wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized); e.Code != http.StatusUnauthorized || !e.Elsewhere {
			t.Errorf("got %+v", e)
		}
		var own *azcore.ResponseError
		if !errors.As(err, &own) || own.ErrorCode != "Denied" || own.StatusCode != http.StatusUnauthorized {
			t.Errorf("as azcore's error: %+v", own)
		}
	}
	wantCopies(t, held(t, server), 0)
	if n := server.Stats().Requests; n != 4 {
		t.Errorf("%d requests, want two for each message", n)
	}
}

// TestSkewedClock: where the service's clock and ours are far apart, the second signature has its time.
// One that is a little off changes nothing.
func TestSkewedClock(t *testing.T) {
	for _, skew := range []time.Duration{-30 * time.Minute, 30 * time.Minute, 100 * 24 * time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			now := func() time.Time { return time.Now().Add(skew) }
			server, client := start(t, acstest.Config{Now: now}, nil)
			denied := acstest.Denied()
			denied.Header.Set("Date", now().UTC().Format(http.TimeFormat))
			server.Next(acstest.Reply(denied))
			mustSend(t, client, simple())
			wantCopies(t, held(t, server), 1)
			if n := server.Stats().Requests; n != 2 {
				t.Errorf("%d requests, want 2", n)
			}
		})
	}
	t.Run("a date nobody can read", func(t *testing.T) {
		server, client := start(t, acstest.Config{}, nil)
		denied := acstest.Denied()
		denied.Header.Set("Date", "yesterday")
		server.Next(acstest.Reply(denied))
		mustSend(t, client, simple())
		wantCopies(t, held(t, server), 1)
	})
}

// TestKeySourceFails: without a key nothing is sent and nothing connected, and the next message
// finds the key when it is there again.
func TestKeySourceFails(t *testing.T) {
	const told = "key canary AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKKLLLLMMMMNNNNOOOOPPPP=="
	for name, source := range map[string]mailer.SecretFunc{
		"fails":      func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, errors.New("vault sealed") },
		"empty":      func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, nil },
		"not base64": func(context.Context) (mailer.Secret, error) { return mailer.NewSecret(told), nil },
	} {
		t.Run(name, func(t *testing.T) {
			var back atomic.Pointer[mailer.Secret]
			server, client := start(t, acstest.Config{}, func(c *acs.Config) {
				c.Key = mailer.SecretFunc(func(ctx context.Context) (mailer.Secret, error) {
					if key := back.Load(); key != nil {
						return *key, nil
					}
					return source(ctx)
				})
			})
			_, err := client.Send(t.Context(), simple())
			if e := wantRefused(t, err, mailer.ScopeAccount, mailer.ErrUnauthorized); !e.Temporary || !e.Elsewhere || bytes.Contains([]byte(err.Error()), []byte("canary")) {
				t.Errorf("got %+v", e)
			}
			if n := server.Stats().Conns; n != 0 {
				t.Errorf("%d connections", n)
			}
			key := mailer.NewSecret(server.Key())
			back.Store(&key)
			mustSend(t, client, simple())
			wantCopies(t, held(t, server), 1)
		})
	}
}

// TestKeySourcePanics: a panic is the program's, and passes through. What the send held is free again.
func TestKeySourcePanics(t *testing.T) {
	panics := true
	var server *acstest.Server
	server, client := start(t, acstest.Config{}, func(c *acs.Config) {
		c.MaxConns = 1
		c.Key = mailer.SecretFunc(func(context.Context) (mailer.Secret, error) {
			if panics {
				panic("broken source")
			}
			return mailer.NewSecret(server.Key()), nil
		})
	})
	func() {
		defer func() {
			if p := recover(); p != "broken source" {
				t.Errorf("recovered %v", p)
			}
		}()
		_, _ = client.Send(t.Context(), simple())
	}()
	panics = false
	mustSend(t, client, simple())
	wantCopies(t, held(t, server), 1)
}

// TestKeySourceHangs: whoever waits for a key, waits as long as it may and no longer.
func TestKeySourceHangs(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit func(context.Context) (context.Context, context.CancelFunc)
		close time.Duration
		takes time.Duration
		scope mailer.Scope
		is    error
	}{
		{"Timeout", context.WithCancel, 0, 15 * time.Second, mailer.ScopeProvider, nil},
		{"ctx", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 7*time.Second)
		}, 0, 7 * time.Second, mailer.ScopeCaller, context.DeadlineExceeded},
		{"gate", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return mailer.WithGate(ctx, &mailer.Gate{CommitBy: time.Now().Add(5 * time.Second)}), func() {}
		}, 0, 5 * time.Second, mailer.ScopeProvider, nil},
		{"Close", context.WithCancel, 3 * time.Second, 3 * time.Second, mailer.ScopeCaller, mailer.ErrClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, acs.Config{Endpoint: "https://contoso.communication.azure.com", Key: hangingSource()}, nil)
				ctx, cancel := c.limit(t.Context())
				defer cancel()
				if c.close > 0 {
					time.AfterFunc(c.close-time.Second, func() {
						ctx, cancel := context.WithTimeout(context.Background(), time.Second)
						defer cancel()
						_ = client.Close(ctx)
					})
				}
				var err error
				if took := lasts(func() { _, err = client.Send(ctx, simple()) }); took != c.takes {
					t.Errorf("took %v, want %v", took, c.takes)
				}
				wantRefused(t, err, c.scope, c.is)
			})
		})
	}
}

func hangingSource() mailer.SecretFunc {
	return func(ctx context.Context) (mailer.Secret, error) {
		<-ctx.Done()
		return mailer.Secret{}, ctx.Err()
	}
}

// TestSlowContent: the content's pace is not the server's. A signature waits for it beyond the limit of connecting,
// but not beyond the gate's.
func TestSlowContent(t *testing.T) {
	for commitBy, want := range map[time.Duration]mailer.Outcome{time.Minute: mailer.Accepted, 10 * time.Second: mailer.NotAccepted} {
		l := newLab(t, acstest.Config{})
		l.run(func(t *testing.T) {
			opened := 0
			slow := func() (io.ReadCloser, error) {
				if opened++; opened == 1 { // while nobody waits at a socket, which would hold the time
					time.Sleep(20 * time.Second)
				}
				return io.NopCloser(bytes.NewReader(make([]byte, 100_000))), nil
			}
			m := simple()
			m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Opener(100_000, slow)}}
			ctx := mailer.WithGate(t.Context(), &mailer.Gate{CommitBy: time.Now().Add(commitBy)})
			_, err := l.client(t, nil).Send(ctx, m)
			if want == mailer.Accepted && err != nil || want != mailer.Accepted && mailer.AsSendError(err).Outcome != want {
				t.Errorf("with %v until the gate's limit: %v", commitBy, err)
			}
		})
	}
}
