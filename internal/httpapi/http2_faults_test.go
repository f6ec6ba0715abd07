package httpapi_test

import (
	"context"
	"testing"

	"golang.org/x/net/http2"

	"github.com/mailkeel/mailkeel/internal/ledger"
)

// An act is what a server does in the middle of an exchange, and what that says of it.
type act struct {
	name string
	do   func(v *call, id uint32) bool
	kind kind
}

type kind int

const (
	breaks  kind = iota // ends the exchange, and says nothing of the request
	refuses             // says that it did not look at the request
	passes              // changes nothing for it
)

func acts() []act {
	all := []act{{"end", cutLink(false), breaks}, {"cut", cutLink(true), breaks}}
	for code := http2.ErrCodeNo; code <= http2.ErrCodeHTTP11Required; code++ {
		k := breaks
		if code == http2.ErrCodeRefusedStream {
			k = refuses
		}
		all = append(all, act{"reset " + code.String(), reset(code), k})
	}
	for _, code := range []http2.ErrCode{http2.ErrCodeNo, http2.ErrCodeInternal, http2.ErrCodeEnhanceYourCalm} {
		all = append(all,
			act{"away below " + code.String(), away(code, true, false), refuses},
			act{"away below, closed " + code.String(), away(code, true, true), refuses},
			act{"away at " + code.String(), away(code, false, false), passes},
			act{"away at, closed " + code.String(), away(code, false, true), breaks})
	}
	return all
}

func reset(code http2.ErrCode) func(v *call, id uint32) bool {
	return func(v *call, id uint32) bool {
		if code == http2.ErrCodeRefusedStream {
			v.refuse(id)
		}
		_ = v.fr.WriteRSTStream(id, code)
		return false
	}
}

func away(code http2.ErrCode, below, closes bool) func(v *call, id uint32) bool {
	return func(v *call, id uint32) bool {
		last := id
		if below {
			last = id - 1
			v.refuse(id)
		}
		_ = v.fr.WriteGoAway(last, code, []byte("http2: client conn not usable "+secret))
		if closes {
			cutLink(false)(v, id)
		}
		return !below && !closes
	}
}

// expected is the verdict on what happens to a request at a moment.
func expected(m moment, k kind) ledger.Verdict {
	switch {
	case k == passes, k == refuses && m <= atEnd: // once more, in silence
		return ledger.Accepted
	case m >= atEnd:
		return ledger.Unknown
	}
	return ledger.ProviderDown
}

// TestHTTP2Faults: resets, goodbyes and cuts at every moment of an exchange have the verdict
// that the boundary says, and no server processes a second copy (HTTP rows 4, 5, 34 and 35; P6).
func TestHTTP2Faults(t *testing.T) {
	for m := atHead; m < moments; m++ {
		for _, a := range acts() {
			t.Run(m.String()+"/"+a.name, func(t *testing.T) {
				sizes(t, func(t *testing.T, n int) {
					t.Parallel()
					f := &framer{at: m, fault: a.do}
					if m <= atBody && n < 1<<16 {
						f.window = 100
					}
					r := newHTTP2Rig(t, f, f.listen(t))
					v := r.send(context.Background(), n)
					r.close()
					code := map[ledger.Verdict]int{ledger.Accepted: 202}[v.Verdict]
					if v.Verdict == ledger.Unknown && m >= atReplyHead && v.code == 202 {
						code = 202 // the head may have been read before
					}
					v.is(t, expected(m, a.kind), code)
					f.judge(t, v, n)
				})
			})
		}
	}
}

// TestHTTP2FaultsOnAUsedConnection: what breaks off before the release on a connection that
// was idle is sent over another, in silence (HTTP row 6).
func TestHTTP2FaultsOnAUsedConnection(t *testing.T) {
	for m := atHead; m <= atEnd; m++ {
		for _, a := range acts() {
			t.Run(m.String()+"/"+a.name, func(t *testing.T) {
				t.Parallel()
				const n = 100_000
				f := &framer{at: m, fault: a.do}
				f.struck.Store(true) // not yet
				r := newHTTP2Rig(t, f, f.listen(t))
				r.send(context.Background(), 10).is(t, ledger.Accepted, 202)
				f.mu.Lock()
				f.whole = nil
				f.mu.Unlock()
				f.struck.Store(false)
				v := r.send(context.Background(), n)
				r.close()
				want := expected(m, a.kind)
				code := 0
				if want == ledger.ProviderDown && (a.name == "end" || a.name == "cut" || len(a.name) > 4 && a.name[:4] == "away") {
					want = ledger.Accepted
				}
				if want == ledger.Accepted {
					code = 202
				}
				v.is(t, want, code)
				f.judge(t, v, n)
			})
		}
	}
}

// TestHTTP2RefusedTwice: once more is all there is. Nobody has the message, and another
// provider may.
func TestHTTP2RefusedTwice(t *testing.T) {
	for m := atHead; m <= atEnd; m++ {
		var f *framer
		f = &framer{at: m, fault: func(v *call, id uint32) bool {
			f.struck.Store(false)
			return reset(http2.ErrCodeRefusedStream)(v, id)
		}}
		r := newHTTP2Rig(t, f, f.listen(t))
		v := r.send(context.Background(), 1000)
		r.close()
		v.is(t, ledger.ProviderDown, 0)
		f.judge(t, v, 1000)
		if _, heads, _ := f.truth(); heads != 2 {
			t.Errorf("%v: %d requests", m, heads)
		}
	}
}
