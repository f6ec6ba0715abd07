package router

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// TestSlowDoesNotLengthenTheRest: the messages that a slow route still gets are slow as well.
func TestSlowDoesNotLengthenTheRest(t *testing.T) {
	c := inState(Open, slow)
	until := c.until
	for i := range 50 {
		cl, _ := c.claim(at(time.Second))
		c.fail(cl, failure{key: fmt.Sprint(i), slow: true}, at(time.Second), exact)
	}
	if !c.until.Equal(until) || c.generation != 1 {
		t.Errorf("after 50 slow messages within a second the check is due after %v of generation %d", c.until.Sub(epoch), c.generation)
	}
}

// TestSuccessEndsTheRunOfASlowRoute: five failures with successes between them are no run.
func TestSuccessEndsTheRunOfASlowRoute(t *testing.T) {
	c := inState(Open, slow)
	for i := range 8 {
		cl, _ := c.claim(at(time.Second))
		c.fail(cl, bad(fmt.Sprint(i)), at(time.Second), exact)
		for range 4 {
			c.succeed(cl, at(time.Second))
		}
	}
	if c.cause != slow {
		t.Error("the route fails")
	}
}

// TestSlowRouteThatFailsItsCheck is not better than nothing any more.
func TestSlowRouteThatFailsItsCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := newTestRouter(t, Config{}, 1).routes[0]
		rt.circuit = *inState(Open, slow)
		rt.checked(rt.circuit.generation, smtpDown(), time.Now())
		if rt.circuit.cause != provider {
			t.Errorf("it rests because of %s", rt.circuit.cause)
		}
	})
}

func smtpDown() error { e := smtp(421); e.Scope = mailer.ScopeProvider; return e }
