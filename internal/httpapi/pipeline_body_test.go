package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// A faultySource says that it has size bytes, and comes to an end, or fails, elsewhere.
type faultySource struct {
	size  int64
	comes int
	err   error
	at    int
}

func (s *faultySource) Seek(_ int64, whence int) (int64, error) {
	if s.at = 0; whence == io.SeekEnd {
		return s.size, nil
	}
	return 0, nil
}

func (s *faultySource) Read(p []byte) (int, error) {
	n := copy(p, content[s.at:s.comes])
	if s.at += n; n > 0 {
		return n, nil
	}
	if s.err != nil {
		return 0, s.err
	}
	return 0, io.EOF
}

func (s *faultySource) Close() error { return nil }

// TestPipelineFaultyContent is P7 and HTTP row 3 for pipelines: a body that fails, or is not as long as it
// said, never arrives whole, and is nobody's fault but the caller's.
func TestPipelineFaultyContent(t *testing.T) {
	for _, size := range []int64{1, 100, 40_000, large} {
		var bodies []faultySource
		for comes := int64(0); comes <= size; comes += max(1, size/17) {
			bodies = append(bodies, faultySource{size: size, comes: int(comes), err: errDisk})
			if comes < size {
				bodies = append(bodies, faultySource{size: size, comes: int(comes)})
			}
		}
		bodies = append(bodies, faultySource{size: size, comes: int(size) + 1}, faultySource{size: size, comes: int(size) + 5000})
		eachPipeline(t, strconv.FormatInt(size, 10), func(t *testing.T, p pipeline) {
			for i := range bodies {
				r := newRig(t, &sink{})
				if i%2 == 1 {
					sendBy(t.Context(), r.api, &ledger.Attempt{}, p, words(10)).is(t, ledger.Accepted, 202)
				}
				r.sink.forget()
				b := &bodies[i]
				gate := new(mailer.Gate)
				v := sendBy(t.Context(), r.api, &ledger.Attempt{Gate: gate}, p, b)
				v.is(t, ledger.CallerFault, 0)
				if !errors.Is(v.err, httpapi.ErrSource) || b.err != nil && !errors.Is(v.err, errDisk) || gate.Committed() {
					t.Errorf("%+v: %v; committed %v", b, v.err, gate.Committed())
				}
				r.close()
				if whole, _, _ := r.sink.truth(); len(whole) > 0 || r.wires.open() != 0 {
					t.Errorf("%+v: %d came whole, %d connections left", b, len(whole), r.wires.open())
				}
			}
		})
	}
}

// A jammed source can be sought to its beginning so many times.
type jammed struct {
	io.ReadSeekCloser
	seeks int
}

func (s *jammed) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		if s.seeks--; s.seeks < 0 {
			return 0, errDisk
		}
	}
	return s.ReadSeekCloser.Seek(offset, whence)
}

// TestPipelineJams: a body that does not go back to its beginning is not sent from the middle.
func TestPipelineJams(t *testing.T) {
	for kind, seeks := range map[string]int{"bare": 0, "azcore": 2} { // azcore seeks itself, twice
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, &sink{})
			v := sendBy(t.Context(), r.api, &ledger.Attempt{}, pipelines[kind], &jammed{words(1000), seeks})
			if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, httpapi.ErrSource) || !errors.Is(v.err, errDisk) {
				t.Errorf("%s: got %v", kind, v.err)
			}
			r.close()
			if whole, _, _ := r.sink.truth(); len(whole) > 0 {
				t.Errorf("%s: %d came whole", kind, len(whole))
			}
		})
	}
}

// diesAtWrites makes the first connection of a rig end with the write after so many.
func diesAtWrites(writes int) func(*httpapi.Config) {
	return func(cfg *httpapi.Config) {
		dial, first := cfg.Dial, true
		cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if first {
				first = false
				return &diesAtWrite{Conn: conn, writes: writes}, err
			}
			return conn, err
		}
	}
}

// TestPipelineStale is HTTP row 6 for pipelines: a kept connection that dies is replaced in silence, within
// one exchange, and the body is read from its beginning.
func TestPipelineStale(t *testing.T) {
	for _, c := range []struct{ writes, size int }{{1, 1000}, {1, large}, {2, large}, {4, large}} {
		eachPipeline(t, fmt.Sprintf("%d bytes, %d writes", c.size, c.writes), func(t *testing.T, p pipeline) {
			r := newRig(t, &sink{}, diesAtWrites(c.writes))
			sendBy(t.Context(), r.api, &ledger.Attempt{}, p, words(10)).is(t, ledger.Accepted, 202)
			r.sink.forget()
			gate, exchanges := new(mailer.Gate), 0
			sendWith(t.Context(), r.api, &ledger.Attempt{Gate: gate}, func(ctx context.Context) error {
				defer func() { exchanges = httpapi.Exchanges(ctx) }()
				return p(ctx, "POST", target(r.api), words(c.size))
			}).is(t, ledger.Accepted, 202)
			r.close()
			whole, _, n := r.sink.truth()
			if n != 1 || len(whole) != 1 || !isText(whole[0].body, c.size) || r.wires.dialled.Load() != 2 || exchanges != 1 || !gate.Committed() {
				t.Errorf("%d whole, %d accepted, %d connections, %d exchanges", len(whole), n, r.wires.dialled.Load(), exchanges)
			}
		})
	}
}

// once is a pipeline whose body can be read but once.
func once(ctx context.Context, method, url string, body io.ReadSeekCloser) error {
	size, err := body.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, url, struct{ io.ReadCloser }{body})
	if err != nil {
		return err
	}
	r.ContentLength = size
	return use(httpapi.Transport{}.Do(r))
}

// TestPipelineWithoutSeek: a body that can be read but once is sent once, and where that was in vain nothing
// else is sent in its place.
func TestPipelineWithoutSeek(t *testing.T) {
	for _, size := range []int{1000, large} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, &sink{}, diesAtWrites(1))
			sendBy(t.Context(), r.api, &ledger.Attempt{}, bare, words(10)).is(t, ledger.Accepted, 202)
			r.sink.forget()
			v := sendBy(t.Context(), r.api, &ledger.Attempt{}, once, words(size))
			if v.is(t, ledger.CallerFault, 0); !errors.Is(v.err, httpapi.ErrSource) {
				t.Errorf("got %v", v.err)
			}
			if whole, _, _ := r.sink.truth(); len(whole) > 0 {
				t.Errorf("%d came whole", len(whole))
			}
			sendBy(t.Context(), r.api, &ledger.Attempt{}, once, words(size)).is(t, ledger.Accepted, 202)
			r.close()
			if whole, _, n := r.sink.truth(); n != 1 || !isText(whole[len(whole)-1].body, size) {
				t.Errorf("%d accepted", n)
			}
		})
	}
}

// TestPipelineWithoutLength: a body of unknown length is not sent, chunked or otherwise.
func TestPipelineWithoutLength(t *testing.T) {
	for _, announced := range []int64{-1, 0} { // to net/http both mean that it is not known
		for _, size := range []int{1, 1000, large} {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, &sink{})
				v := sendBy(t.Context(), r.api, &ledger.Attempt{}, func(ctx context.Context, method, url string, body io.ReadSeekCloser) error {
					req, err := http.NewRequestWithContext(ctx, method, url, body)
					if err != nil {
						return err
					}
					req.ContentLength = announced
					return use(httpapi.Transport{}.Do(req))
				}, words(size))
				v.is(t, ledger.CallerFault, 0)
				r.close()
				if whole, _, _ := r.sink.truth(); len(whole) > 0 || r.wires.open() != 0 {
					t.Errorf("%d came whole, %d connections left", len(whole), r.wires.open())
				}
			})
		}
	}
}

// TestPipelineHTTP2: the same over HTTP/2, with a second exchange too.
func TestPipelineHTTP2(t *testing.T) {
	sizes(t, func(t *testing.T, n int) {
		var taken accepting
		_, dial := newHTTPServer(t, true, func(w http.ResponseWriter, req *http.Request) {
			if req.Header.Get("Authorization") == "Bearer old" {
				_, _ = io.Copy(io.Discard, req.Body)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			taken.ServeHTTP(w, req)
		})
		r := newHTTP2Rig(t, nil, dial)
		p := azure(&again{credentials: []string{"old", secret}})
		for range 3 {
			gate := new(mailer.Gate)
			sendBy(t.Context(), r.api, &ledger.Attempt{Gate: gate}, p, words(n)).is(t, ledger.Accepted, 202)
			if !gate.Committed() {
				t.Error("not committed")
			}
		}
		for _, b := range []*faultySource{
			{size: int64(n), comes: n / 2}, {size: int64(n), comes: n + 1}, {size: int64(n), comes: n, err: errDisk}, {size: int64(n), comes: 10, err: errDisk},
		} {
			sendBy(t.Context(), r.api, &ledger.Attempt{}, p, b).is(t, ledger.CallerFault, 0)
		}
		r.close()
		if taken.second.Load() != 3 || taken.first.Load() != 0 || taken.wrong.Load() != 0 {
			t.Errorf("%d over HTTP/2, %d over HTTP/1.1, %d wrong", taken.second.Load(), taken.first.Load(), taken.wrong.Load())
		}
	})
}

// TestPipelineSplice: a body of attachments goes through azcore as it is.
func TestPipelineSplice(t *testing.T) {
	for _, n := range []int{0, 1, 24_576, 100_000} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, &sink{})
			s := must(httpapi.Splice([]byte(`{"a":"<1>"}`), []httpapi.Insert{insert("<1>", mailer.Bytes(pattern(n)))}))
			body := s.Reader()
			p := azure(&again{credentials: []string{"old", "new"}})
			r.sink.script = func(v *visit) {
				if v.take() && v.say(replyOf(401, "")) == nil {
					v.serve()
				}
			}
			sendBy(t.Context(), r.api, &ledger.Attempt{}, p, body).is(t, ledger.Accepted, 202)
			body.Release()
			var want bytes.Buffer
			if _, err := s.WriteTo(&want); err != nil {
				t.Fatal(err)
			}
			r.close()
			whole, _, _ := r.sink.truth()
			for _, request := range whole {
				if !bytes.Equal(request.body, want.Bytes()) || strings.Contains(string(request.body), "<1>") {
					t.Errorf("%d bytes came, not the %d that were written", len(request.body), want.Len())
				}
			}
			if len(whole) != 2 {
				t.Errorf("%d requests", len(whole))
			}
		})
	}
}
