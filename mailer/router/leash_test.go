package router

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// newLeash returns one, and what ends it besides cancel.
func newLeash(parent context.Context) (l *leash, cutAll context.CancelFunc) {
	l = &leash{parent: parent}
	l.cutOff, cutAll = context.WithCancel(context.Background())
	return l, cutAll
}

// TestLeash: it ends with its parent, with the router's patience and by itself, whether it was asked
// for Done before, after, or not at all.
func TestLeash(t *testing.T) {
	for name, end := range map[string]func(l *leash, parent, cutAll context.CancelFunc){
		"cancelled":   func(l *leash, _, _ context.CancelFunc) { l.cancel() },
		"twice":       func(l *leash, _, _ context.CancelFunc) { l.cancel(); l.cancel() },
		"the parent":  func(_ *leash, parent, _ context.CancelFunc) { parent() },
		"the cut-off": func(_ *leash, _, cutAll context.CancelFunc) { cutAll() },
	} {
		for _, asked := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				parent, cancelParent := context.WithCancel(t.Context())
				l, cutAll := newLeash(parent)
				if asked {
					l.Done()
				}
				if l.Err() != nil {
					t.Errorf("%s: ended at once: %v", name, l.Err())
				}
				end(l, cancelParent, cutAll)
				synctest.Wait()
				if !errors.Is(l.Err(), context.Canceled) {
					t.Errorf("%s, asked before %t: %v", name, asked, l.Err())
				}
				<-l.Done() // or the bubble is stuck
				cancelParent()
				cutAll()
			})
		}
	}
}

// TestLeashDerived: what is derived from it ends with it, with its deadline and values, and without a goroutine.
func TestLeashDerived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		parent, cancelParent := context.WithTimeout(context.WithValue(t.Context(), key{}, 7), time.Minute)
		defer cancelParent()
		l, cutAll := newLeash(parent)
		defer cutAll()
		derived, cancel := context.WithCancel(l)
		defer cancel()
		want, _ := parent.Deadline()
		if got, ok := derived.Deadline(); !ok || !got.Equal(want) || derived.Value(key{}) != 7 {
			t.Errorf("deadline %v, value %v", got, derived.Value(key{}))
		}
		l.cancel()
		<-derived.Done()
		if parent.Err() != nil {
			t.Error("the parent has ended too")
		}
	})
}

// TestLeashDeadline: the end of the parent's time is told as such.
func TestLeashDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		l, cutAll := newLeash(parent)
		defer cutAll()
		<-l.Done()
		if !errors.Is(l.Err(), context.DeadlineExceeded) {
			t.Errorf("%v", l.Err())
		}
		l.cancel()
	})
}

// TestLeashErrStays: a context that has ended does not end for another reason later.
func TestLeashErrStays(t *testing.T) {
	parent, end := context.WithCancelCause(context.Background())
	l := &leash{parent: late{parent}, cutOff: context.Background()}
	l.cancel()
	first := l.Err()
	end(nil)
	if <-l.Done(); first == nil || l.Err() != first {
		t.Errorf("%v, and then %v", first, l.Err())
	}
}

// late is a context that says that it was too late, whatever ended it.
type late struct{ context.Context }

func (l late) Err() error {
	if l.Context.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}
