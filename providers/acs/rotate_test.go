package acs_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// vault is a key as somebody has put it there. With fetch, Refresh gets it anew.
type vault struct {
	key   atomic.Pointer[mailer.Secret]
	fetch func() string
}

func (v *vault) put(key string) {
	secret := mailer.NewSecret(key)
	v.key.Store(&secret)
}

func (v *vault) Secret(context.Context) (mailer.Secret, error) { return *v.key.Load(), nil }

func (v *vault) Refresh() {
	if v.fetch != nil {
		v.put(v.fetch())
	}
}

// numbered is a message that no other one is like.
func numbered(n int) *mailer.Message {
	m := simple()
	m.Subject = fmt.Sprintf("message %05d", n)
	m.To = []mailer.Address{{Address: fmt.Sprintf("r%d@example.org", n)}}
	m.Text = fmt.Sprintf("this is %d\r\n", n)
	return m
}

// contents are the messages by what is in them, sorted.
func contents(held []acstest.Message) []string {
	all := make([]string, 0, len(held))
	for i := range held {
		all = append(all, held[i].Subject+" "+held[i].To[0].Email+" "+held[i].Text)
	}
	slices.Sort(all)
	return all
}

// sent is contents of the messages from 0 up to n.
func sent(n int) []string {
	all := make([]string, 0, n)
	for i := range n {
		m := numbered(i)
		all = append(all, m.Subject+" "+m.To[0].Address+" "+m.Text)
	}
	slices.Sort(all)
	return all
}

// TestRotation: keys are replaced while 64 goroutines send, and no message is lost, or there twice.
func TestRotation(t *testing.T) {
	for name, rotate := range map[string]func(*acstest.Server, *vault){
		"regenerated, and fetched after the refusal": func(s *acstest.Server, v *vault) {
			v.fetch = s.Key
			go s.RegenerateKey(0)
		},
		"by way of the secondary": func(s *acstest.Server, v *vault) {
			v.put(s.SecondaryKey())
			s.RegenerateKey(0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			keys := new(vault)
			server, client := start(t, acstest.Config{}, func(c *acs.Config) { c.Key = keys })
			keys.put(server.Key())
			const goroutines, each = 64, 12
			var next atomic.Int32
			var running sync.WaitGroup
			for range goroutines {
				running.Go(func() {
					for range each {
						n := int(next.Add(1)) - 1
						if n == goroutines*each/3 {
							rotate(server, keys)
						}
						if _, err := client.Send(t.Context(), numbered(n)); err != nil {
							t.Errorf("%d: %v", n, err)
						}
					}
				})
			}
			running.Wait()
			if got := contents(held(t, server)); !slices.Equal(got, sent(goroutines*each)) {
				t.Errorf("%d messages were sent, and %d others arrived", goroutines*each, len(got))
			}
			keys.put(server.Key())
			mustSend(t, client, simple())
		})
	}
}

// TestTokensRevokedUnderLoad: the same with tokens.
func TestTokensRevokedUnderLoad(t *testing.T) {
	server, client := startWithToken(t, acstest.Config{}, nil)
	const goroutines, each = 64, 12
	var next atomic.Int32
	var running sync.WaitGroup
	for range goroutines {
		running.Go(func() {
			for range each {
				n := int(next.Add(1)) - 1
				if n == goroutines*each/3 {
					server.Credential().Revoke()
				}
				if _, err := client.Send(t.Context(), numbered(n)); err != nil {
					t.Errorf("%d: %v", n, err)
				}
			}
		})
	}
	running.Wait()
	if got := contents(held(t, server)); !slices.Equal(got, sent(goroutines*each)) {
		t.Errorf("%d messages were sent, and %d others arrived", goroutines*each, len(got))
	}
	if n := server.Credential().Calls(); n > 3 {
		t.Errorf("asked for %d tokens", n)
	}
}
