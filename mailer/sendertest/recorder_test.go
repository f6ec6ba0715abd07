package sendertest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// A recorder is a test that may fail: it keeps what is reported. The embedded TB serves
// what is not about failing.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	reports  []string
	skipped  string
	cleanups []func()
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reports = append(r.reports, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprint(args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) { r.Skip(fmt.Sprintf(format, args...)) }

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *recorder) cleanUp() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

// mentions reports whether a report quotes what is wanted.
func (r *recorder) mentions(quoted string) bool {
	for _, report := range r.reports {
		if strings.HasPrefix(report, quoted) {
			return true
		}
	}
	return false
}

// try runs c in virtual time.
func try(t *testing.T, c testCase, newHarness func(testing.TB) Harness) *recorder {
	t.Helper()
	rec := &recorder{TB: t}
	synctest.Test(t, func(*testing.T) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer rec.cleanUp()
			c.run(newScene(rec, newHarness(rec)))
		}()
		<-done
	})
	return rec
}
