package router

import "math/rand/v2"

// An order is the sequence in which a message is offered to the routes.
type order struct {
	first int    // the route to begin with
	drawn []int8 // weighted: all of them
}

func (o *order) at(i, n int) int {
	if o.drawn != nil {
		return int(o.drawn[i])
	}
	return (o.first + i) % n
}

// draw orders the routes by chance, each by its share of those that are left. Routes
// without a weight come last.
func draw(routes []*route, random *rand.Rand) []int8 {
	left, total := make([]int8, len(routes)), 0
	for i, rt := range routes {
		left[i] = int8(i)
		total += rt.Weight
	}
	drawn := make([]int8, 0, len(routes))
	for total > 0 {
		at, mark := 0, int(float(random)*float64(total))
		for mark >= routes[left[at]].Weight {
			mark -= routes[left[at]].Weight
			at++
		}
		total -= routes[left[at]].Weight
		drawn = append(drawn, left[at])
		left = append(left[:at], left[at+1:]...)
	}
	return append(drawn, left...)
}

// A set of routes, by their index.
type set uint64

func (s set) has(rt *route) bool { return s&(1<<rt.index) != 0 }
func (s *set) add(rt *route)     { *s |= 1 << rt.index }
