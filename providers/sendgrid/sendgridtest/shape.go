package sendgridtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A kind is a type of JSON values.
type kind string

const (
	isObject  kind = "an object"
	isArray   kind = "an array"
	isString  kind = "a string"
	isInteger kind = "an integer"
	isBool    kind = "a boolean"
)

// A shape is what a value must look like.
type shape struct {
	kind     kind
	fields   map[string]shape // of an object with known fields
	required []string
	values   *shape // of an object with any fields; nil with no fields: anything
	items    *shape // of an array
	min, max int    // of characters or items; max zero: no bound
	oneOf    []string
}

// problems collects what is wrong with a request.
type problems struct{ list []Error }

func (p *problems) add(field, format string, args ...any) {
	entry := Error{Message: fmt.Sprintf(format, args...)}
	if field != "" {
		entry.Field = field
	}
	p.list = append(p.list, entry)
}

// join returns the path of a member, as "personalizations.0.to".
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// check reports whether v is of the shape, and adds what is wrong to p.
func (s shape) check(p *problems, path string, v any) {
	if !s.kind.matches(v) {
		p.add(path, "%s should be %s", path, s.kind)
		return
	}
	switch v := v.(type) {
	case map[string]any:
		s.checkObject(p, path, v)
	case []any:
		s.checkSize(p, path, len(v), "items")
		for i, item := range v {
			s.items.check(p, join(path, strconv.Itoa(i)), item)
		}
	case string:
		s.checkSize(p, path, utf8.RuneCountInString(v), "characters")
		if s.oneOf != nil && !slices.Contains(s.oneOf, v) {
			p.add(path, "%s should be one of %q", path, s.oneOf)
		}
	}
}

func (s shape) checkObject(p *problems, path string, v map[string]any) {
	for _, name := range s.required {
		if _, ok := v[name]; !ok {
			p.add(join(path, name), "%s is required", join(path, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		field, known := s.fields[name]
		switch {
		case known:
			field.check(p, join(path, name), v[name])
		case s.values != nil:
			s.values.check(p, join(path, name), v[name])
		case s.fields != nil:
			p.add(join(path, name), "%s is not a known field", join(path, name))
		}
	}
}

func (s shape) checkSize(p *problems, path string, n int, what string) {
	if n < s.min || s.max > 0 && n > s.max {
		p.add(path, "%s has %d %s", path, n, what)
	}
}

func (k kind) matches(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return k == isObject
	case []any:
		return k == isArray
	case string:
		return k == isString
	case bool:
		return k == isBool
	case json.Number:
		_, err := v.Int64()
		return k == isInteger && err == nil
	}
	return false
}
