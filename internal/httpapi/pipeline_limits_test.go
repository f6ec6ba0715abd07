package httpapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// fetching is a policy that waits for a credential, for as long as it may.
var fetching = policyFunc(func(req *policy.Request) (*http.Response, error) {
	ctx, cancel := httpapi.Preparing(req.Raw().Context())
	defer cancel()
	<-ctx.Done()
	return nil, httpapi.Unprepared(ctx, ctx.Err())
})

// fetches is the same without a library around it.
func fetches(ctx context.Context, _, _ string, _ io.ReadSeekCloser) error {
	ctx, cancel := httpapi.Preparing(ctx)
	defer cancel()
	<-ctx.Done()
	return httpapi.Unprepared(ctx, ctx.Err())
}

// TestPreparing is P13: fetching a credential has the time that connecting has, the gate's, and the caller's; and
// who ends it is to blame for it (HTTP rows 2 and 36).
func TestPreparing(t *testing.T) {
	errOwn := errors.New("the user went away")
	for _, c := range []struct {
		name   string
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		gate   time.Duration
		config func(*httpapi.Config)
		took   time.Duration
		want   ledger.Verdict
		is     error
	}{
		{name: "no limit", took: 15 * time.Second, want: ledger.ProviderDown, is: netconn.ErrTimeout},
		{name: "Timeout", config: func(cfg *httpapi.Config) { cfg.Timeout = 3 * time.Second }, took: 3 * time.Second, want: ledger.ProviderDown, is: netconn.ErrTimeout},
		{name: "CommitBy", gate: time.Second, took: time.Second, want: ledger.ProviderDown, is: netconn.ErrTimeout},
		{name: "CommitBy after Timeout", gate: time.Minute, took: 15 * time.Second, want: ledger.ProviderDown, is: netconn.ErrTimeout},
		{
			name: "deadline", took: 2 * time.Second, want: ledger.CallerFault, is: context.DeadlineExceeded,
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 2*time.Second)
			},
		},
		{
			name: "deadline with a cause", took: 2 * time.Second, want: ledger.CallerFault, is: context.DeadlineExceeded,
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeoutCause(ctx, 2*time.Second, errOwn)
			},
		},
		{
			name: "cancelled", took: time.Second, want: ledger.CallerFault, is: context.Canceled,
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Second, cancel)
				return ctx, cancel
			},
		},
		{
			name: "cancelled with a cause", took: time.Second, want: ledger.CallerFault, is: context.Canceled,
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Second, func() { cancel(errOwn) })
				return ctx, func() { cancel(nil) }
			},
		},
	} {
		for kind, p := range map[string]pipeline{"bare": fetches, "azcore": azure(fetching)} {
			t.Run(kind+", "+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, &sink{}, func(cfg *httpapi.Config) {
						if c.config != nil {
							c.config(cfg)
						}
					})
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					if c.ctx != nil {
						ctx, cancel = c.ctx(ctx)
					}
					defer cancel()
					gate := new(mailer.Gate)
					if c.gate > 0 {
						gate.CommitBy = time.Now().Add(c.gate)
					}
					start := time.Now()
					v := sendBy(ctx, r.api, &ledger.Attempt{Gate: gate}, p, words(10))
					if v.is(t, c.want, 0); !errors.Is(v.err, c.is) || time.Since(start) != c.took || gate.Committed() {
						t.Errorf("after %v: %v, want %v", time.Since(start), v.err, c.is)
					}
					if isContextError(v.err) != (v.Scope == mailer.ScopeCaller) {
						t.Errorf("%v blames %v", v.err, v.Scope)
					}
					r.close()
				})
			})
		}
	}
}

// TestPreparingObeysClose: Close waits for who fetches a credential, and then cuts it off.
func TestPreparingObeysClose(t *testing.T) {
	for kind, p := range map[string]pipeline{"bare": fetches, "azcore": azure(fetching)} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{})
				got := make(chan verdict, 1)
				go func() { got <- sendBy(context.Background(), r.api, &ledger.Attempt{}, p, words(10)) }()
				synctest.Wait()
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				start := time.Now()
				if err := r.client.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
					t.Errorf("Close: %v after %v", err, time.Since(start))
				}
				v := <-got
				if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, mailer.ErrClosed) || time.Since(start) != time.Second {
					t.Errorf("%v after %v, want ErrClosed", v.err, time.Since(start))
				}
				sendBy(t.Context(), r.api, &ledger.Attempt{}, p, words(10)).is(t, ledger.CallerFault, 0)
				r.close()
			})
		})
	}
}

// TestPreparingEnds: what was prepared in time leaves nothing behind, and the exchange has limits of its own.
func TestPreparingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		slow := policyFunc(func(req *policy.Request) (*http.Response, error) {
			ctx, cancel := httpapi.Preparing(req.Raw().Context())
			time.Sleep(14 * time.Second)
			if ctx.Err() != nil {
				t.Error("ended too early")
			}
			cancel()
			if ctx.Err() == nil || req.Raw().Context().Err() != nil {
				t.Error("cancel ends what was prepared, and nothing else")
			}
			return req.Next()
		})
		sendBy(t.Context(), r.api, &ledger.Attempt{}, azure(slow), words(10)).is(t, ledger.Accepted, 202)
		r.close()
	})
}

// TestPreparingMemory: what was prepared is forgotten, and not kept until Close.
func TestPreparingMemory(t *testing.T) {
	r := newRig(t, &sink{})
	defer r.close()
	sendWith(t.Context(), r.api, &ledger.Attempt{}, func(ctx context.Context) error {
		const times, each = 20_000, 50
		before := heap()
		for range times {
			_, cancel := httpapi.Preparing(ctx)
			cancel()
		}
		if after := heap(); after > before+times*each {
			t.Errorf("%d bytes are kept of %d times", after-before, times)
		}
		return nil
	})
}

// heap is how many bytes are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestOfNoCall: what belongs to no call is refused, or does nothing.
func TestOfNoCall(t *testing.T) {
	ctx, cancel := httpapi.Preparing(t.Context())
	if _, limited := ctx.Deadline(); limited || ctx.Err() != nil {
		t.Error("there is a limit")
	}
	if cancel(); !errors.Is(ctx.Err(), context.Canceled) || t.Context().Err() != nil {
		t.Error("cancel does not end it, or ends more")
	}
	httpapi.Hide(t.Context(), mailer.NewSecret(secret))
	if n := httpapi.Exchanges(t.Context()); n != 0 {
		t.Errorf("%d exchanges", n)
	}
	if err := bare(t.Context(), "POST", "http://127.0.0.1:8025/", words(10)); !errors.Is(err, httpapi.ErrRequest) {
		t.Errorf("got %v, want %v", err, httpapi.ErrRequest)
	}
}

// TestPipelineWaits: the right to a connection is waited for before anything is prepared, and given back.
func TestPipelineWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{}, func(cfg *httpapi.Config) { cfg.MaxConns = 1 })
		block := make(chan struct{})
		first := make(chan verdict, 1)
		go func() {
			first <- sendWith(t.Context(), r.api, &ledger.Attempt{}, func(ctx context.Context) error {
				<-block
				return bare(ctx, "POST", target(r.api), words(10))
			})
		}()
		synctest.Wait()
		start := time.Now()
		v := sendWith(t.Context(), r.api, &ledger.Attempt{Gate: &mailer.Gate{CommitBy: start.Add(time.Second)}}, func(context.Context) error {
			t.Error("prepared without the right to a connection")
			return nil
		})
		if v.is(t, ledger.RateLimited, 0); time.Since(start) != time.Second || v.wait == 0 {
			t.Errorf("after %v, wait %v: %v", time.Since(start), v.wait, v.err)
		}
		close(block)
		v = <-first
		v.is(t, ledger.Accepted, 202)
		sendBy(t.Context(), r.api, &ledger.Attempt{}, bare, words(10)).is(t, ledger.Accepted, 202)
		r.close()
	})
}

// TestPipelinePhases: an account of how far the attempt got.
func TestPipelinePhases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		a := &ledger.Attempt{}
		var phases []mailer.Phase
		sendWith(t.Context(), r.api, a, func(ctx context.Context) error {
			phases = append(phases, a.Phase)
			err := bare(ctx, "POST", target(r.api), words(10))
			phases = append(phases, a.Phase)
			return err
		}).is(t, ledger.Accepted, 202)
		if len(phases) != 2 || phases[0] != mailer.PhaseAuth || phases[1] != mailer.PhaseDone {
			t.Errorf("got %v", phases)
		}
		r.close()
	})
}

// TestHide: a reply that repeats the credential does not show it, whatever it is a part of.
func TestHide(t *testing.T) {
	const token = "eyJhbGciOiJub25lIn0.token"
	for name, reply := range map[string]string{
		"problem": replyOf(400, `{"errors":["Bearer `+token+` is bad"]}`), "second problem": replyOf(401, `{"errors":["`+token+`"]}`),
		"no acceptance": replyOf(202, `{"errors":["`+token+`"]}`),
		"id":            "HTTP/1.1 202 Accepted\r\nX-Message-Id: a-" + token + "\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{reply: reply})
				p := azure(&again{credentials: []string{token, token}})
				v := sendBy(t.Context(), r.api, &ledger.Attempt{}, p, words(10))
				if v.err != nil && strings.Contains(v.err.Error(), "token") || strings.Contains(v.id, "token") {
					t.Errorf("shown: %v, id %q", v.err, v.id)
				}
				if v.err == nil && !strings.HasPrefix(v.id, "a-") {
					t.Errorf("id %q", v.id)
				}
				r.close()
			})
		})
	}
}
