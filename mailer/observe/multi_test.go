package observe_test

import (
	"context"
	"slices"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/observe"
)

// attemptsOnly writes down what it hears, after its name.
type attemptsOnly struct {
	name  string
	heard *[]string
}

func (o attemptsOnly) ObserveAttempt(_ context.Context, a observe.Attempt) {
	*o.heard = append(*o.heard, o.name+" attempt "+a.Route)
}

type withStates struct{ attemptsOnly }

func (o withStates) ObserveState(s observe.State) {
	*o.heard = append(*o.heard, o.name+" state "+s.Route)
}

type withDetours struct{ withStates }

func (o withDetours) ObserveDetour(d observe.Detour) {
	*o.heard = append(*o.heard, o.name+" detour "+d.Route)
}

func TestMulti(t *testing.T) {
	var heard []string
	a := attemptsOnly{"a", &heard}
	b := withStates{attemptsOnly{"b", &heard}}
	c := withDetours{withStates{attemptsOnly{"c", &heard}}}
	m := observe.Multi(a, nil, observe.Multi(b, c))

	m.ObserveAttempt(t.Context(), observe.Attempt{Attempt: mailer.Attempt{Route: "1"}})
	m.(observe.StateObserver).ObserveState(observe.State{Route: "2"})
	m.(observe.DetourObserver).ObserveDetour(observe.Detour{Route: "3"})
	want := []string{"a attempt 1", "b attempt 1", "c attempt 1", "b state 2", "c state 2", "c detour 3"}
	if !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

// What is passed on is what was heard, and the caller may change its list afterwards.
func TestMultiKeepsItsObservers(t *testing.T) {
	var heard []string
	list := []observe.Observer{attemptsOnly{"a", &heard}}
	m := observe.Multi(list...)
	list[0] = attemptsOnly{"other", &heard}
	m.ObserveAttempt(t.Context(), observe.Attempt{})
	if !slices.Equal(heard, []string{"a attempt "}) {
		t.Errorf("heard %q", heard)
	}
}
