package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
)

// counting is a policy that counts how often it is passed.
func counting(n *int) policy.Policy {
	return policyFunc(func(req *policy.Request) (*http.Response, error) {
		*n++
		return req.Next()
	})
}

// TestRetriesMustBeOff is P6: azcore repeats what a provider may have accepted, unless its options say
// otherwise, as those of adapters do.
func TestRetriesMustBeOff(t *testing.T) {
	for name, reply := range map[string]string{
		"408": replyOf(408, ""), "429": replyOf(429, ""), "500": replyOf(500, ""), "502": replyOf(502, ""), "503": replyOf(503, ""),
		"503 and a time": replyOf(503, "{}", "Retry-After: 1"), "504": replyOf(504, ""), "lost": "", "not understood": "what\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, answering(reply, hangUp))
				passed := 0
				sendBy(t.Context(), r.api, &ledger.Attempt{}, retrying(policy.RetryOptions{}, counting(&passed)), words(10))
				if passed < 2 {
					t.Error("azcore does not retry of itself any more")
				}
				r.sink.forget()
				passed = 0
				start := time.Now()
				sendBy(t.Context(), r.api, &ledger.Attempt{}, azure(counting(&passed)), words(10))
				if _, heads, _ := r.sink.truth(); passed != 1 || heads != 1 || time.Since(start) > time.Second {
					t.Errorf("passed %d times, %d requests, took %v", passed, heads, time.Since(start))
				}
				r.close()
			})
		})
	}
}

// TestPipelineNeverRepeats is P6 against pipelines that would: what the caller's ctx asks azcore for,
// and options that were forgotten. Of one attempt the server has one request, and its reply is the verdict.
func TestPipelineNeverRepeats(t *testing.T) {
	callers := func(ctx context.Context) context.Context {
		return policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: 3})
	}
	unchanged := func(ctx context.Context) context.Context { return ctx }
	for name, c := range map[string]struct {
		pipeline pipeline
		ctx      func(context.Context) context.Context
	}{
		"options in ctx":  {azure(), callers},
		"default options": {retrying(policy.RetryOptions{}), unchanged},
		"a loop of its own": {func(ctx context.Context, method, url string, body io.ReadSeekCloser) error {
			_ = bare(ctx, method, url, body)
			return bare(ctx, method, url, body)
		}, unchanged},
		"then elsewhere": {func(ctx context.Context, method, url string, body io.ReadSeekCloser) error {
			_ = bare(ctx, method, url, body)
			return bare(ctx, method, "http://evil.example.com/", body)
		}, unchanged},
	} {
		for status, want := range map[int]ledger.Verdict{0: ledger.Unknown, 403: ledger.AccountRefused, 429: ledger.RateLimited, 503: ledger.Unknown, 202: ledger.Accepted} {
			t.Run(name+", "+strconv.Itoa(status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					reply := map[int]string{0: "", 202: accepted}[status]
					if status > 202 {
						reply = replyOf(status, "")
					}
					r := newRig(t, answering(reply, hangUp))
					sendBy(c.ctx(t.Context()), r.api, &ledger.Attempt{}, c.pipeline, words(10)).is(t, want, status)
					r.close()
					if _, heads, _ := r.sink.truth(); heads != 1 {
						t.Errorf("%d requests", heads)
					}
				})
			})
		}
	}
}

// TestPipelineTwiceOnly: a credential that is refused again and again is tried twice, and no more.
func TestPipelineTwiceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{reply: replyOf(401, "")})
		sendWith(t.Context(), r.api, &ledger.Attempt{}, func(ctx context.Context) error {
			for i := range 5 {
				_ = bare(ctx, "POST", target(r.api), words(10))
				if n := httpapi.Exchanges(ctx); n != min(i+1, 2) {
					t.Errorf("%d exchanges after %d requests", n, i+1)
				}
			}
			return nil
		}).is(t, ledger.AccountRefused, 401)
		r.close()
		if _, heads, _ := r.sink.truth(); heads != 2 {
			t.Errorf("%d requests", heads)
		}
	})
}

// TestPipelineAsksAgain: questions may be repeated, and the last answer counts.
func TestPipelineAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		asked := 0
		r.sink.script = func(v *visit) {
			for v.take() {
				if asked++; asked < 3 {
					_ = v.say(replyOf(503, ""))
				} else {
					_ = v.say(replyOf(200, `{"a":1}`))
				}
			}
		}
		reply, err := r.api.GetBy(t.Context(), &ledger.Attempt{Provider: "fake"}, func(ctx context.Context) error {
			for i := range 3 {
				_ = bare(ctx, "GET", target(r.api), nil)
				if n := httpapi.Exchanges(ctx); n != i+1 {
					t.Errorf("%d exchanges, want %d", n, i+1)
				}
			}
			return nil
		})
		if err != nil || string(reply.Body) != `{"a":1}` || asked != 3 {
			t.Errorf("asked %d times: %v, %v", asked, reply, err)
		}
		r.close()
	})
}
