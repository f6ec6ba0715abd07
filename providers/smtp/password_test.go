package smtp_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// rotating is a source whose value changes when it is refreshed.
type rotating struct {
	values    []string
	refreshed atomic.Int64
}

func (r *rotating) Refresh() { r.refreshed.Add(1) }

func (r *rotating) Secret(context.Context) (mailer.Secret, error) {
	return mailer.NewSecret(r.values[min(int(r.refreshed.Load()), len(r.values)-1)]), nil
}

// TestPasswordRotation: a refused password is fetched anew once, and tried once more only
// if it is another. A second refusal stands, for accounts are locked by that.
func TestPasswordRotation(t *testing.T) {
	for _, c := range []struct {
		name     string
		password mailer.SecretSource
		auths    int
		ok       bool
	}{
		{"changed", &rotating{values: []string{"old", "pass-word"}}, 2, true},
		{"changed to another wrong one", &rotating{values: []string{"old", "older", "pass-word"}}, 2, false},
		{"unchanged", &rotating{values: []string{"old"}}, 1, false},
		{"right at once", &rotating{values: []string{"pass-word", "other"}}, 1, true},
		{"fixed", mailer.NewSecret("old"), 1, false},
		{"function", mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return mailer.NewSecret("old"), nil }), 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(withUsers(smtpfake.Config{Extensions: relay}))
				cfg := plaintext(pipeTo(server))
				cfg.Username, cfg.Password = "app", c.password
				client := must(smtp.New(cfg))
				defer closeAll(t, client, server)
				_, err := client.Send(t.Context(), newMessage(1))
				if c.ok != (err == nil) || !c.ok && !errors.Is(err, mailer.ErrUnauthorized) {
					t.Errorf("got %v", err)
				}
				if n := countVerb(server, "AUTH"); n != c.auths {
					t.Errorf("%d AUTH, want %d", n, c.auths)
				}
			})
		})
	}
}

// TestPasswordNotRefreshed: trouble that is not the password's leaves it alone.
func TestPasswordNotRefreshed(t *testing.T) {
	for _, text := range []string{"454 4.7.0 not now", "421 4.3.2 bye"} {
		synctest.Test(t, func(t *testing.T) {
			server := smtpfake.New(withUsers(reply(smtpfake.AUTH, text)))
			source := &rotating{values: []string{"old", "pass-word"}}
			cfg := plaintext(pipeTo(server))
			cfg.Username, cfg.Password = "app", source
			client := must(smtp.New(cfg))
			defer closeAll(t, client, server)
			_, err := client.Send(t.Context(), newMessage(1))
			if err == nil || source.refreshed.Load() != 0 || countVerb(server, "AUTH") != 1 {
				t.Errorf("%s: %v, refreshed %d times, %d AUTH", text, err, source.refreshed.Load(), countVerb(server, "AUTH"))
			}
		})
	}
}

func countVerb(server *smtpfake.Server, verb string) (n int) {
	for _, c := range server.Commands() {
		if len(c.Line) >= len(verb) && c.Line[:len(verb)] == verb {
			n++
		}
	}
	return n
}

// TestPasswordSource: a source that fails is the account's trouble, and one that is down or takes too long is
// in trouble itself; no server hears of either. Only the end of the caller's own ctx is the caller's.
func TestPasswordSource(t *testing.T) {
	errVault := errors.New("vault sealed")
	blocks := func(ctx context.Context) (mailer.Secret, error) { <-ctx.Done(); return mailer.Secret{}, ctx.Err() }
	for _, c := range []struct {
		name   string
		source func(context.Context) (mailer.Secret, error)
		limit  time.Duration // of ctx
		scope  mailer.Scope
		is     error
		took   time.Duration
	}{
		{"fails", func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, errVault }, 0, account, errVault, 0},
		{"is empty", func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, nil }, 0, account, mailer.ErrUnauthorized, 0},
		{"is down", func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, mailer.ErrUnavailable }, 0, provider, mailer.ErrUnavailable, 0},
		{"blocks beyond the limit", blocks, 0, provider, mailer.ErrUnavailable, 15 * time.Second},
		{"has a limit of its own", func(context.Context) (mailer.Secret, error) { return mailer.Secret{}, context.DeadlineExceeded }, 0, provider, mailer.ErrUnavailable, 0},
		{"blocks beyond ctx", blocks, 2 * time.Second, caller, context.DeadlineExceeded, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(withUsers(smtpfake.Config{}))
				cfg := plaintext(pipeTo(server))
				cfg.Username, cfg.Password = "app", mailer.SecretFunc(c.source)
				client := must(smtp.New(cfg))
				defer closeAll(t, client, server)
				ctx := t.Context()
				if c.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.limit)
					defer cancel()
				}
				start := time.Now()
				_, err := client.Send(ctx, newMessage(1))
				e := mailer.AsSendError(err)
				if e.Outcome != mailer.NotAccepted || e.Scope != c.scope || !errors.Is(err, c.is) || e.Elsewhere != (c.scope != caller) {
					t.Errorf("got %v: %v, scope %v, elsewhere %v; want scope %v", e.Outcome, err, e.Scope, e.Elsewhere, c.scope)
				}
				if errors.Is(err, mailer.ErrUnauthorized) != (c.scope == account) {
					t.Errorf("%v, of scope %v", err, e.Scope)
				}
				if took := time.Since(start); took < c.took || took > c.took+100*time.Millisecond {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if n := len(server.Commands()); n != 0 {
					t.Errorf("%d commands were said", n)
				}
			})
		})
	}
}
