package httpapi_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// again is a policy that answers a refusal once with another credential, as those of adapters do.
type again struct {
	credentials []string
	err         error  // of what comes after them
	between     func() // the refusal and the second request; nil means nothing
}

func (p *again) Do(req *policy.Request) (*http.Response, error) {
	res, err := p.send(req, 0)
	if err != nil || res.StatusCode != http.StatusUnauthorized || httpapi.Exchanges(req.Raw().Context()) != 1 {
		return res, err
	}
	if p.between != nil {
		p.between()
	}
	_ = res.Body.Close()
	if err := req.RewindBody(); err != nil {
		return nil, err
	}
	return p.send(req, 1)
}

func (p *again) send(req *policy.Request, n int) (*http.Response, error) {
	ctx := req.Raw().Context()
	if n >= len(p.credentials) {
		return nil, httpapi.Unprepared(ctx, p.err)
	}
	httpapi.Hide(ctx, mailer.NewSecret(p.credentials[n]))
	req.Raw().Header.Set("Authorization", "Bearer "+p.credentials[n])
	return req.Next()
}

// TestPipelineTwice is HTTP row 14 for pipelines: the last exchange that was made is what counts, and
// where none follows a refusal, that is the answer.
func TestPipelineTwice(t *testing.T) {
	unauthorized := replyOf(401, "")
	both := []string{"old", "new"}
	for _, c := range []struct {
		name        string
		credentials []string
		replies     []string
		want        ledger.Verdict
		code        int
		came        string
	}{
		{"a new one", both, []string{unauthorized, accepted}, ledger.Accepted, 202, "old new"},
		{"refused again", both, []string{unauthorized, unauthorized}, ledger.AccountRefused, 401, "old new"},
		{"the second answer stands", both, []string{unauthorized, replyOf(400, "")}, ledger.MessageRefused, 400, "old new"},
		{"a gateway", both, []string{unauthorized, replyOf(503, "")}, ledger.Unknown, 503, "old new"},
		{"no second answer", both, []string{unauthorized, ""}, ledger.Unknown, 0, "old new"},
		{"half of a second answer", both, []string{unauthorized, accepted[:len(accepted)-1]}, ledger.Unknown, 202, "old new"},
		{"no other credential", both[:1], []string{unauthorized}, ledger.AccountRefused, 401, "old"},
		{"none at all", nil, nil, ledger.AccountForNow, 0, ""},
		{"403", both, []string{replyOf(403, "")}, ledger.AccountRefused, 403, "old"},
		{"lost", both, []string{""}, ledger.Unknown, 0, "old"},
		{"half of a refusal", both, []string{"HTTP/1.1 401 No\r\nContent-Length: 9\r\n\r\nabc"}, ledger.AccountRefused, 401, "old"},
	} {
		for _, size := range []int{1000, large} {
			t.Run(c.name+", "+strconv.Itoa(size), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newRig(t, &sink{})
					r.sink.script = func(v *visit) {
						for v.take() {
							whole, _, _ := r.sink.truth()
							reply := c.replies[len(whole)-1]
							if v.say(reply); reply != unauthorized && reply != accepted {
								return
							}
						}
					}
					gate := new(mailer.Gate)
					p := azure(&again{credentials: c.credentials, err: errors.New("vault sealed")})
					sendBy(t.Context(), r.api, &ledger.Attempt{Gate: gate}, p, words(size)).is(t, c.want, c.code)
					r.close()
					var came []string
					whole, _, _ := r.sink.truth()
					for _, request := range whole {
						came = append(came, strings.TrimPrefix(request.header.Get("Authorization"), "Bearer "))
						if !isText(request.body, size) {
							t.Errorf("%d bytes came that are not the body", len(request.body))
						}
					}
					if got := strings.Join(came, " "); got != c.came || gate.Committed() != (got != "") || r.wires.open() != 0 {
						t.Errorf("requests with %q, want %q; committed %v; %d connections left", got, c.came, gate.Committed(), r.wires.open())
					}
				})
			})
		}
	}
}

// TestPipelineTwiceEarly: a refusal before the end of the body, after which the body is sent anew.
func TestPipelineTwiceEarly(t *testing.T) {
	for _, after := range []int{0, 1, 50_000, 190_000} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, &sink{})
			refuse := replyAfter(after, replyOf(401, ""), (*visit).drain)
			r.sink.script = func(v *visit) {
				if v.number == 1 {
					refuse(v)
					return
				}
				v.serve()
			}
			gate := new(mailer.Gate)
			p := azure(&again{credentials: []string{"old", "new"}, between: func() {
				if gate.Committed() {
					t.Error("committed, though the last byte did not leave")
				}
			}})
			sendBy(t.Context(), r.api, &ledger.Attempt{Gate: gate}, p, words(large)).is(t, ledger.Accepted, 202)
			r.close()
			whole, heads, n := r.sink.truth()
			if heads != 2 || len(whole) != 1 || n != 1 || !isText(whole[0].body, large) || !gate.Committed() || r.wires.dialled.Load() != 2 {
				t.Errorf("%d requests, %d whole, %d accepted, %d connections", heads, len(whole), n, r.wires.dialled.Load())
			}
		})
	}
}

// TestPipelineTwiceGone: nobody is there any more when the second request is made.
func TestPipelineTwiceGone(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(*rig, *mailer.Gate, context.CancelFunc)
		want ledger.Verdict
		is   error
	}{
		{"connection refused", func(*rig, *mailer.Gate, context.CancelFunc) {}, ledger.ProviderDown, errRefused},
		{"ctx ends", func(_ *rig, _ *mailer.Gate, cancel context.CancelFunc) { cancel() }, ledger.CallerFault, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := 0
				r := newRig(t, answering("HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", hangUp), func(cfg *httpapi.Config) {
					dial := cfg.Dial
					cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
						if dials++; dials > 1 {
							return nil, errRefused
						}
						return dial(ctx, network, address)
					}
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				gate := new(mailer.Gate)
				p := azure(&again{credentials: []string{"old", "new"}, between: func() { c.then(r, gate, cancel) }})
				v := sendBy(ctx, r.api, &ledger.Attempt{Gate: gate}, p, words(1000))
				if v.is(t, c.want, 0); !errors.Is(v.err, c.is) || !gate.Committed() || v.phase != mailer.PhaseConnect {
					t.Errorf("got %v in the phase %v, want %v; committed %v", v.err, v.phase, c.is, gate.Committed())
				}
				r.close()
				if _, heads, _ := r.sink.truth(); heads != 1 || r.wires.open() != 0 {
					t.Errorf("%d requests, %d connections left", heads, r.wires.open())
				}
			})
		})
	}
}

var errRefused = errors.New("connection refused")

// TestPipelineGate: it is asked once for all exchanges, and where it does not let go, the server never
// has the last byte of any.
func TestPipelineGate(t *testing.T) {
	for _, size := range []int{1, 1000, 33_000, large} {
		eachPipeline(t, "cancelled, "+strconv.Itoa(size), func(t *testing.T, p pipeline) {
			r := newRig(t, &sink{})
			gate := new(mailer.Gate)
			gate.Cancel()
			v := sendBy(t.Context(), r.api, &ledger.Attempt{Gate: gate}, p, words(size))
			if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, httpapi.ErrCancelled) {
				t.Errorf("got %v", v.err)
			}
			r.close()
			if whole, _, _ := r.sink.truth(); len(whole) > 0 || r.wires.open() != 0 {
				t.Errorf("%d came whole, %d connections left", len(whole), r.wires.open())
			}
		})
		t.Run("kept, "+strconv.Itoa(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{})
				r.sink.script = func(v *visit) {
					if v.take() && v.say(replyOf(401, "")) == nil {
						v.serve()
					}
				}
				gate := new(mailer.Gate)
				p := azure(&again{credentials: []string{"old", "new"}, between: func() {
					if !gate.Committed() || gate.Cancel() {
						t.Error("the gate has not agreed to the first request")
					}
				}})
				sendBy(t.Context(), r.api, &ledger.Attempt{Gate: gate}, p, words(size)).is(t, ledger.Accepted, 202)
				r.close()
				if _, heads, n := r.sink.truth(); heads != 2 || n != 1 {
					t.Errorf("%d requests, %d accepted", heads, n)
				}
			})
		})
	}
}

// TestPipelineGateEarly: a gate that was not asked by the first exchange can still refuse the second.
func TestPipelineGateEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &sink{})
		refuse := replyAfter(1000, replyOf(401, ""), (*visit).drain)
		r.sink.script = func(v *visit) {
			if v.number == 1 {
				refuse(v)
				return
			}
			v.serve()
		}
		gate := new(mailer.Gate)
		p := azure(&again{credentials: []string{"old", "new"}, between: func() { gate.Cancel() }})
		v := sendBy(t.Context(), r.api, &ledger.Attempt{Gate: gate}, p, words(large))
		if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, httpapi.ErrCancelled) {
			t.Errorf("got %v", v.err)
		}
		r.close()
		if whole, heads, _ := r.sink.truth(); len(whole) > 0 || heads > 2 {
			t.Errorf("%d requests, %d whole", heads, len(whole))
		}
	})
}
