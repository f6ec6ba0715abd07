package dsn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// Params are the parameters of a connection string. Where one is absent its accessor
// returns its argument fallback. Where one is malformed, so does it, and [Mux.Open]
// then fails with an error that names the parameter; the scheme's Open need not ask.
// Not safe for concurrent use.
type Params struct {
	placeholder
	known  []string
	values map[string]value
	err    error
}

func newParams(ctx context.Context, written parts, known []string) (*Params, error) {
	p := &Params{placeholder: "[redacted]", known: known, values: map[string]value{}}
	for i, pair := range written.pairs() {
		name, raw, _ := pair.cut("=")
		if !p.isKnown(name.raw) {
			if place := misplaced(name.raw); place != "" {
				return nil, paramError(name.raw, errors.New(place))
			}
			shown := strconv.Itoa(i + 1)
			if written.certain() && parameterName.MatchString(name.raw) {
				shown = strconv.Quote(name.raw)
			}
			return nil, fmt.Errorf("unknown parameter %s: %s", shown, knownAre(known))
		}
		if p.values[name.raw].isSet() {
			return nil, fmt.Errorf("repeated parameter %q: %s", name.raw, knownAre(known))
		}
		v, err := resolve(ctx, raw.raw)
		if err != nil {
			return nil, paramError(name.raw, err)
		}
		p.values[name.raw] = v
	}
	return p, nil
}

func (p *Params) isKnown(name string) bool { return slices.Contains(p.known, name) }

// Err returns the first error that an accessor met.
func (p *Params) Err() error { return p.err }

// Has reports whether the parameter is present.
func (p *Params) Has(name string) bool { return p.value(name).isSet() }

// String returns a parameter that is text.
func (p *Params) String(name, fallback string) string {
	return get(p, name, fallback, func(s string) (string, error) { return s, nil })
}

// OneOf returns a parameter that takes one of these values.
func (p *Params) OneOf(name, fallback string, others ...string) string {
	return get(p, name, fallback, func(s string) (string, error) {
		if s != fallback && !slices.Contains(others, s) {
			return "", errors.New("is not one of " + strings.TrimPrefix(strings.Join(append([]string{fallback}, others...), ", "), ", "))
		}
		return s, nil
	})
}

// Bool returns a parameter that is "true" or "false".
func (p *Params) Bool(name string, fallback bool) bool {
	return get(p, name, fallback, func(s string) (bool, error) {
		if s != "true" && s != "false" {
			return false, errors.New("is not true or false")
		}
		return s == "true", nil
	})
}

// Int returns a parameter that is a decimal number.
func (p *Params) Int(name string, fallback int) int {
	return get(p, name, fallback, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, errors.New("is not a whole number")
		}
		return n, nil
	})
}

// Duration returns a parameter that is a positive duration with its unit, such as "5s".
func (p *Params) Duration(name string, fallback time.Duration) time.Duration {
	return get(p, name, fallback, parseDuration)
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, errors.New("is not a duration above zero, such as 5s")
	}
	return d, nil
}

// Secret returns a parameter that is a secret; nil when it is absent. A file that it
// refers to is read again when it changes.
func (p *Params) Secret(name string) mailer.SecretSource { return p.value(name).source }

// value finds a parameter. To ask for one that the scheme did not name is a mistake
// of the adapter, which would never see it set.
func (p *Params) value(name string) value {
	if !p.isKnown(name) {
		p.fail(name, errors.New("is read by the scheme but missing from its Params"))
	}
	return p.values[name]
}

func (p *Params) fail(name string, err error) {
	if p.err == nil {
		p.err = paramError(name, err)
	}
}

// get returns what parse makes of a parameter. The errors of parse never repeat what
// they were given.
func get[T any](p *Params, name string, fallback T, parse func(string) (T, error)) T {
	v := p.value(name)
	if !v.isSet() {
		return fallback
	}
	s, err := v.text()
	if err == nil {
		var parsed T
		if parsed, err = parse(s); err == nil {
			return parsed
		}
	}
	p.fail(name, err)
	return fallback
}
