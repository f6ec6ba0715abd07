package observe

import "context"

// Multi returns an observer that passes on what it hears to each of these, in their order,
// and changes to those that want to hear of them. Nil ones are left out.
func Multi(observers ...Observer) Observer {
	var m multi
	for _, o := range observers {
		if o != nil {
			m = append(m, o)
		}
	}
	return m
}

type multi []Observer

func (m multi) ObserveAttempt(ctx context.Context, a Attempt) {
	for _, o := range m {
		o.ObserveAttempt(ctx, a)
	}
}

func (m multi) ObserveState(s State) {
	for _, o := range m {
		if so, ok := o.(StateObserver); ok {
			so.ObserveState(s)
		}
	}
}

func (m multi) ObserveDetour(d Detour) {
	for _, o := range m {
		if do, ok := o.(DetourObserver); ok {
			do.ObserveDetour(d)
		}
	}
}
