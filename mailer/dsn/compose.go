package dsn

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

func (o *opener) openComposite(ctx context.Context, n node, at place) (router.Route, error) {
	p, err := newOptions(ctx, n.options, at)
	if err != nil {
		return router.Route{}, err
	}
	route, config := p.readRoute(), p.readConfig(at.delivery)
	if err := p.Err(); err != nil {
		return router.Route{}, err
	}
	if at.member > 0 && route.Name == "" {
		route.Name = defaultName(at.member) // there may be several without a name
	}
	config.Name, config.Policy = route.Name, n.policy
	config.Observer, config.Rand = o.options.Observer, o.options.Rand
	if config.Routes, err = o.openMembers(ctx, n.members, place{depth: at.depth + 1, delivery: config.Delivery}); err != nil {
		return router.Route{}, err
	}
	sender, err := router.New(config)
	if err != nil {
		discardAll(ctx, config.Routes)
		return router.Route{}, err
	}
	route.Sender = sender
	return route, nil
}

func newOptions(ctx context.Context, written span, at place) (*Params, error) {
	p := optionParts(written)
	if err := p.check(); err != nil {
		return nil, err
	}
	known := slices.Concat([]string{"name"}, configParams)
	if at.member > 0 {
		known = slices.Concat(known, []string{"from"}, routeParams)
	}
	return newParams(ctx, p, known)
}

func (o *opener) openMembers(ctx context.Context, members []node, at place) ([]router.Route, error) {
	var routes []router.Route
	for i, member := range members {
		at.member = i + 1
		route, err := o.openMember(ctx, member, at)
		if err != nil {
			discardAll(ctx, routes)
			return nil, memberError(i, err)
		}
		route.Weight = member.weight
		routes = append(routes, route)
	}
	if err := checkNames(routes); err != nil {
		discardAll(ctx, routes)
		return nil, err
	}
	return routes, nil
}

func (o *opener) openMember(ctx context.Context, n node, at place) (router.Route, error) {
	if isReference(n.text.raw) {
		return o.open(ctx, n.text.raw, at)
	}
	return o.openNode(ctx, n, at)
}

// checkNames forestalls the router, whose error would show the name.
func checkNames(routes []router.Route) error {
	first := map[string]int{}
	for i := range routes {
		name := routeName(&routes[i], i)
		if other, found := first[name]; found {
			return fmt.Errorf("members %d and %d have the same name: give one of them another with name=", other+1, i+1)
		}
		first[name] = i
	}
	return nil
}

// routeName returns what the router will call the route at i.
func routeName(r *router.Route, i int) string {
	own := ""
	if named, ok := mailer.Find[mailer.Named](r.Sender); ok {
		_, own = named.Names()
	}
	return cmp.Or(r.Name, own, defaultName(i+1))
}

// defaultName is the router's for a route at a place, counted from 1.
func defaultName(place int) string { return fmt.Sprintf("route %d", place) }

func discardAll(ctx context.Context, routes []router.Route) {
	for i := range routes {
		discard(ctx, routes[i].Sender)
	}
}
