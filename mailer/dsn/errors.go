package dsn

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var (
	errHost = errors.New("bad host: expected a name, an IPv4 address, or an IPv6 address in brackets")
	errPort = errors.New("bad port: expected a number from 1 to 65535 (an IPv6 address stands in brackets)")
)

func (m Mux) emptyError() error {
	for _, schemes := range m {
		for i := range schemes {
			if form := schemes[i].Form; form != "" {
				return fmt.Errorf("empty: set MAILER_URL, for example to %s", form)
			}
		}
	}
	return errors.New("empty: set MAILER_URL")
}

// schemeError shows name only where cutScheme let it through.
func (m Mux) schemeError(name string) error {
	var known []string
	for _, schemes := range m {
		for i := range schemes {
			known = append(known, schemes[i].Name)
		}
	}
	if name == "" {
		return fmt.Errorf("unknown scheme: %s", knownAre(known))
	}
	return fmt.Errorf("unknown scheme %q: %s", name, knownAre(known))
}

func knownAre(names []string) string {
	if len(names) == 0 {
		return "none is known"
	}
	names = slices.Clone(names)
	slices.Sort(names)
	return "known are " + strings.Join(slices.Compact(names), ", ")
}

// formError adds what the string should look like.
func formError(problem, form string) error {
	if form == "" {
		return errors.New(problem)
	}
	return fmt.Errorf("%s: the form is %s", problem, form)
}

// placeError says where err arose.
func placeError(place string, err error) error { return fmt.Errorf("%s: %w", place, err) }

func paramError(name string, err error) error { return fmt.Errorf("parameter %q: %w", name, err) }

// memberError says in which member err arose; i counts from zero.
func memberError(i int, err error) error { return placeError("member "+strconv.Itoa(i+1), err) }
