package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// A pipeline makes a request and what its policies make of it, as a vendor's library does.
// Body is nil where there is none.
type pipeline func(ctx context.Context, method, url string, body io.ReadSeekCloser) error

// bare is the least of a pipeline: its end.
func bare(ctx context.Context, method, url string, body io.ReadSeekCloser) error {
	r, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return err
	}
	if body != nil {
		r.Body = body
		if r.ContentLength, err = body.Seek(0, io.SeekEnd); err != nil {
			return err
		}
	}
	return use(httpapi.Transport{}.Do(r))
}

// noRetries are the options of an adapter's pipeline.
var noRetries = policy.RetryOptions{MaxRetries: -1}

// azure is azcore's pipeline as an adapter builds it, with policies behind the place of its retries.
func azure(policies ...policy.Policy) pipeline { return retrying(noRetries, policies...) }

// retrying is the same with other options.
func retrying(options policy.RetryOptions, policies ...policy.Policy) pipeline {
	p := runtime.NewPipeline("test", "v1.0.0", runtime.PipelineOptions{PerRetry: policies}, &policy.ClientOptions{
		Retry: options, Telemetry: policy.TelemetryOptions{Disabled: true}, Transport: httpapi.Transport{},
	})
	return func(ctx context.Context, method, url string, body io.ReadSeekCloser) error {
		req, err := runtime.NewRequest(ctx, method, url)
		if err == nil && body != nil {
			err = req.SetBody(body, "application/json")
		}
		if err != nil {
			return err
		}
		return use(p.Do(req))
	}
}

// use is content with 200 and 202. What it says otherwise is not for showing.
func use(res *http.Response, err error) error {
	if err != nil {
		return fmt.Errorf("library: %s: %w", secret, err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK && res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("library: %s: %s", secret, res.Status)
	}
	return nil
}

// pipelines are the two kinds that most tests run.
var pipelines = map[string]pipeline{"bare": bare, "azcore": azure()}

// eachPipeline runs test in a bubble for each kind.
func eachPipeline(t *testing.T, name string, test func(t *testing.T, p pipeline)) {
	t.Helper()
	for kind, p := range pipelines {
		t.Run(kind+", "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, p) })
		})
	}
}

// A policyFunc is a policy.
type policyFunc func(*policy.Request) (*http.Response, error)

func (f policyFunc) Do(r *policy.Request) (*http.Response, error) { return f(r) }

// words is a body of n bytes, as isText knows it.
func words(n int) io.ReadSeekCloser { return streaming.NopCloser(strings.NewReader(content[:n])) }

// target is what requests to the server of api ask for.
func target(api *httpapi.API) string {
	base := api.Client.Base()
	base.Path, base.RawQuery = "/emails:send", "api-version=1"
	return base.String()
}

// sendBy makes the attempt a to post body by p.
func sendBy(ctx context.Context, api *httpapi.API, a *ledger.Attempt, p pipeline, body io.ReadSeekCloser) verdict {
	return sendWith(ctx, api, a, func(ctx context.Context) error { return p(ctx, "POST", target(api), body) })
}

// sendWith makes the attempt a by send.
func sendWith(ctx context.Context, api *httpapi.API, a *ledger.Attempt, send func(context.Context) error) verdict {
	a.Provider, a.Start = "fake", time.Now()
	return verdictOf(api.SendBy(ctx, a, send))
}

// getBy asks for target by p.
func getBy(ctx context.Context, api *httpapi.API, p pipeline) (*httpapi.Reply, error) {
	return api.GetBy(ctx, &ledger.Attempt{Provider: "fake", Start: time.Now()}, func(ctx context.Context) error {
		return p(ctx, "GET", target(api), nil)
	})
}

// TestPipelineRequest: what the server sees is one request of known length, with the fields of the
// policies and none of those that are ours.
func TestPipelineRequest(t *testing.T) {
	for _, size := range []int{1, 1000, 33_000, large} {
		eachPipeline(t, strconv.Itoa(size), func(t *testing.T, p pipeline) {
			r := newRig(t, &sink{})
			v := sendBy(t.Context(), r.api, &ledger.Attempt{}, p, words(size))
			if v.is(t, ledger.Accepted, 202); v.id != "id-1" || v.phase != mailer.PhaseDone {
				t.Errorf("id %q, phase %v", v.id, v.phase)
			}
			r.close()
			whole, heads, n := r.sink.truth()
			if heads != 1 || n != 1 || r.wires.open() != 0 {
				t.Fatalf("%d requests, %d accepted, %d connections left", heads, n, r.wires.open())
			}
			h := whole[0].header
			if whole[0].line != "POST /emails:send?api-version=1 HTTP/1.1" || !isText(whole[0].body, size) || h.Get("Content-Length") != strconv.Itoa(size) ||
				h["Transfer-Encoding"] != nil || h.Get("Host") != "127.0.0.1:8025" || h.Get("User-Agent") != httpapi.UserAgent() ||
				h.Get("Accept-Encoding") != "identity" || h["Authorization"] != nil {
				t.Errorf("%s %v", whole[0].line, h)
			}
		})
	}
}

// TestPipelineFields: the fields of a policy are sent; those that frame a message, and those that
// the client writes itself, are not, however they are spelt.
func TestPipelineFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		spoil := policyFunc(func(req *policy.Request) (*http.Response, error) {
			h := req.Raw().Header
			h["X-Two"] = []string{"a", "b"}
			h["operation-id"] = []string{"1"}
			for _, name := range []string{
				"Transfer-Encoding", "transfer-encoding", "Content-Length", "content-length", "Host", "HOST", "Trailer", "Te",
				"Connection", "Keep-Alive", "Proxy-Connection", "Upgrade", "Expect", "User-Agent", "user-agent", "Accept", "Accept-Encoding",
			} {
				h[name] = []string{"100-continue"}
			}
			return req.Next()
		})
		sendBy(t.Context(), r.api, &ledger.Attempt{}, azure(spoil), words(10)).is(t, ledger.Accepted, 202)
		r.close()
		whole, _, _ := r.sink.truth()
		h := whole[0].header
		if len(h) != 8 || h.Get("Content-Length") != "10" || h.Get("Content-Type") != "application/json" || h.Get("X-Two") != "a, b" || h.Get("Operation-Id") != "1" {
			t.Errorf("%v", h)
		}
		for name, values := range h {
			if len(values) != 1 || strings.Contains(values[0], "100-continue") {
				t.Errorf("%s: %q", name, values)
			}
		}
	})
}

// TestPipelineLibrary: the verdict is that of the exchange, whatever the library makes of the reply.
func TestPipelineLibrary(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply string
		want  ledger.Verdict
		code  int
	}{
		{"accepted", accepted, ledger.Accepted, 202},
		{"chunked", chunkedReply, ledger.Accepted, 202},
		{"400", replyOf(400, `{"errors":[]}`), ledger.MessageRefused, 400},
		{"503 of its own", replyOf(503, `{"errors":[]}`), ledger.ProviderDown, 503},
		{"503 of a gateway", replyOf(503, ""), ledger.Unknown, 503},
		{"no acceptance", replyOf(200, "{}"), ledger.Unknown, 200},
		{"lost", "", ledger.Unknown, 0},
		{"no HTTP", "what\r\n\r\n", ledger.Unknown, 0},
	} {
		for said, err := range map[string]error{"its own": nil, "an error": errors.New("library: " + secret), "nothing": errNothing} {
			eachPipeline(t, c.name+", "+said, func(t *testing.T, p pipeline) {
				r := newRig(t, answering(c.reply, hangUp))
				v := sendWith(t.Context(), r.api, &ledger.Attempt{}, func(ctx context.Context) error {
					switch its := p(ctx, "POST", target(r.api), words(1000)); {
					case err == nil:
						return its
					case errors.Is(err, errNothing):
						return nil
					}
					return err
				})
				if v.is(t, c.want, c.code); v.err != nil && (strings.Contains(v.err.Error(), "library") || strings.Contains(v.err.Error(), secret)) {
					t.Errorf("shown: %v", v.err)
				}
				r.close()
				if _, heads, _ := r.sink.truth(); heads != 1 || r.wires.open() != 0 {
					t.Errorf("%d requests, %d connections left", heads, r.wires.open())
				}
			})
		}
	}
}

var errNothing = errors.New("returns nil")

// TestPipelinePanics: neither the place in the pool nor a connection is left behind.
func TestPipelinePanics(t *testing.T) {
	for _, exchanges := range []int{0, 1, 2} {
		eachPipeline(t, strconv.Itoa(exchanges), func(t *testing.T, p pipeline) {
			r := newRig(t, &sink{}, func(cfg *httpapi.Config) { cfg.MaxConns = 1 })
			for range 3 {
				func() {
					defer func() {
						if recover() != "policy" {
							t.Error("the panic was swallowed")
						}
					}()
					_, _ = r.api.GetBy(t.Context(), &ledger.Attempt{}, func(ctx context.Context) error {
						for range exchanges {
							_ = p(ctx, "GET", target(r.api), nil)
						}
						panic("policy")
					})
				}()
			}
			sendBy(t.Context(), r.api, &ledger.Attempt{}, p, words(10)).is(t, ledger.Accepted, 202)
			r.close()
			if n := r.wires.open(); n != 0 {
				t.Errorf("%d connections left", n)
			}
		})
	}
}

// TestPipelineSwallowsPanic: a library that recovers from a body that panics leaves an exchange without an
// end, of which nothing is known.
func TestPipelineSwallowsPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{}, func(cfg *httpapi.Config) { cfg.MaxConns = 1 })
		for range 2 {
			v := sendWith(t.Context(), r.api, &ledger.Attempt{}, func(ctx context.Context) (err error) {
				defer func() { err = fmt.Errorf("library: %v", recover()) }()
				return bare(ctx, "POST", target(r.api), panicking{words(1000)})
			})
			if v.is(t, ledger.Unknown, 0); strings.Contains(fmt.Sprint(v.err), "library") {
				t.Errorf("shown: %v", v.err)
			}
		}
		sendBy(t.Context(), r.api, &ledger.Attempt{}, bare, words(10)).is(t, ledger.Accepted, 202)
		r.close()
		if _, _, n := r.sink.truth(); n != 1 || r.wires.open() != 0 {
			t.Errorf("%d accepted, %d connections left", n, r.wires.open())
		}
	})
}

// panicking is a body that cannot be read.
type panicking struct{ io.ReadSeekCloser }

func (panicking) Read([]byte) (int, error) { panic("content") }

// TestPipelineMakesNothing: without an exchange nothing was sent. Whose fault it is the library
// can say in our own words only.
func TestPipelineMakesNothing(t *testing.T) {
	errVault := errors.New("vault sealed")
	for _, c := range []struct {
		name string
		send func(context.Context) error
		want ledger.Verdict
		is   error
	}{
		{"no error", func(context.Context) error { return nil }, ledger.CallerFault, httpapi.ErrRequest},
		{"an error", func(context.Context) error { return errors.New("library: " + secret) }, ledger.CallerFault, httpapi.ErrRequest},
		{"a context's, though none has ended", func(context.Context) error { return context.Canceled }, ledger.CallerFault, httpapi.ErrRequest},
		{"content", func(context.Context) error { return fmt.Errorf("%w: %w", httpapi.ErrSource, errDisk) }, ledger.CallerFault, errDisk},
		{"credential", func(ctx context.Context) error { return httpapi.Unprepared(ctx, errVault) }, ledger.AccountForNow, errVault},
		{"credential, wrapped", func(ctx context.Context) error {
			return fmt.Errorf("library: %s: %w", secret, httpapi.Unprepared(ctx, errVault))
		}, ledger.AccountForNow, mailer.ErrUnauthorized},
		{"credential too slow", func(ctx context.Context) error { return httpapi.Unprepared(ctx, context.DeadlineExceeded) }, ledger.ProviderDown, netconn.ErrTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{})
				gate := new(mailer.Gate)
				v := sendWith(t.Context(), r.api, &ledger.Attempt{Gate: gate}, c.send)
				v.is(t, c.want, 0)
				if s := v.err.Error(); !errors.Is(v.err, c.is) || isContextError(v.err) || strings.Contains(s, secret) || strings.Contains(s, "library") || gate.Committed() {
					t.Errorf("got %v, want %v; committed %v", v.err, c.is, gate.Committed())
				}
				_, err := r.api.GetBy(t.Context(), &ledger.Attempt{Provider: "fake"}, c.send)
				verdictOf(nil, err).is(t, c.want, 0)
				r.close()
				if n := r.wires.dialled.Load(); n != 0 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// TestPipelineElsewhere: credentials go to the API's own host, and nowhere else.
func TestPipelineElsewhere(t *testing.T) {
	for _, url := range []string{
		"http://evil.example.com/", "http://127.0.0.1:8026/", "http://127.0.0.1:80250/", "http://127.0.0.1/", "https://127.0.0.1:8025/", "http://127.0.0.1:8025.evil.example.com/",
		"http://evil.example.com:8025/?127.0.0.1:8025", "http://127.0.0.1:8025@evil.example.com/",
	} {
		eachPipeline(t, url, func(t *testing.T, p pipeline) {
			r := newRig(t, &sink{})
			v := sendWith(t.Context(), r.api, &ledger.Attempt{}, func(ctx context.Context) error { return p(ctx, "POST", url, words(10)) })
			if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, httpapi.ErrRequest) || strings.Contains(v.err.Error(), "evil") {
				t.Errorf("got %v", v.err)
			}
			r.close()
			if n := r.wires.dialled.Load(); n != 0 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// TestPipelineHost: a host is the same in any case, and is called as the API calls it.
func TestPipelineHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{}, func(cfg *httpapi.Config) { cfg.BaseURL = "http://localhost:8025" })
		sendWith(t.Context(), r.api, &ledger.Attempt{}, func(ctx context.Context) error {
			return bare(ctx, "POST", "http://LocalHost:8025/", words(10))
		}).is(t, ledger.Accepted, 202)
		r.close()
		if whole, _, _ := r.sink.truth(); whole[0].header.Get("Host") != "localhost:8025" {
			t.Errorf("Host: %s", whole[0].header.Get("Host"))
		}
	})
}

// TestPipelineRedirects is HTTP row 12 and P6 for pipelines.
func TestPipelineRedirects(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"/elsewhere", "https://evil.example.com/", "http://127.0.0.1:8025/emails:send"} {
			eachPipeline(t, fmt.Sprint(status, " to ", location), func(t *testing.T, p pipeline) {
				r := newRig(t, &sink{reply: replyOf(status, "", "Location: "+location)})
				sendBy(t.Context(), r.api, &ledger.Attempt{}, p, words(1000)).is(t, ledger.AccountRefused, status)
				r.close()
				if _, heads, _ := r.sink.truth(); heads != 1 || r.wires.dialled.Load() != 1 {
					t.Errorf("%d requests over %d connections", heads, r.wires.dialled.Load())
				}
			})
		}
	}
}

// TestPipelineAsks: questions, of which the last counts, and only with what came whole.
func TestPipelineAsks(t *testing.T) {
	for reply, want := range map[string]ledger.Verdict{
		replyOf(200, `{"a":1}`): ledger.Accepted,
		replyOf(404, ""):        ledger.AccountRefused,
		replyOf(302, ""):        ledger.AccountRefused,
		replyOf(500, ""):        ledger.ProviderDown,
		"":                      ledger.ProviderDown,
		"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc": ledger.ProviderDown,
	} {
		eachPipeline(t, strings.SplitN(reply, "\r", 2)[0], func(t *testing.T, p pipeline) {
			r := newRig(t, answering(reply, hangUp))
			got, err := getBy(t.Context(), r.api, p)
			switch {
			case want != ledger.Accepted:
				if v := verdictOf(nil, err); v.Verdict != want || got != nil {
					t.Errorf("%q: %+v", reply, v)
				}
			case err != nil || string(got.Body) != `{"a":1}` || !got.Whole:
				t.Errorf("%q: %v, %v", reply, got, err)
			}
			r.close()
			whole, heads, _ := r.sink.truth()
			if heads != 1 || whole[0].line != "GET /emails:send?api-version=1 HTTP/1.1" || whole[0].header["Content-Length"] != nil {
				t.Errorf("%d requests: %v", heads, whole)
			}
		})
	}
}

// TestPipelineResponse: a library reads what came, and all of it.
func TestPipelineResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const body = `{"errors":["é"]}`
		r := newRig(t, answering(replyOf(409, body, "Retry-After: 7"), hangUp))
		var res *http.Response
		var read []byte
		look := policyFunc(func(req *policy.Request) (*http.Response, error) {
			var err error
			if res, err = req.Next(); err == nil {
				read, err = runtime.Payload(res)
			}
			return res, err
		})
		sendBy(t.Context(), r.api, &ledger.Attempt{}, azure(look), words(10)).is(t, ledger.MessageRefused, 409)
		r.close()
		if res.Status != "409 Conflict" || res.StatusCode != http.StatusConflict || res.Header.Get("Retry-After") != "7" || string(read) != body ||
			res.ContentLength != int64(len(body)) || res.Request.Method != http.MethodPost || res.ProtoMajor != 1 {
			t.Errorf("%+v, %q", res, read)
		}
	})
}
