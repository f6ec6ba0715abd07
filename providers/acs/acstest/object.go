package acstest

import (
	"fmt"
	"maps"
	"slices"
)

// problems collects what is wrong with a request.
type problems struct{ list []Error }

func (p *problems) add(target, format string, args ...any) {
	p.list = append(p.list, Error{Code: codeBadRequest, Message: fmt.Sprintf(format, args...), Target: target})
}

// An object is a JSON object that is being read. Whoever reads it asks for every member that
// it may have, and ends with close.
type object struct {
	*problems
	path    string // "" for the body, otherwise with a dot at its end
	members map[string]any
	asked   map[string]bool
}

func newObject(p *problems, path string, v any) *object {
	members, ok := v.(map[string]any)
	if !ok {
		p.add(path, "%s should be an object.", called(path))
		return nil
	}
	if path != "" {
		path += "."
	}
	return &object{p, path, members, make(map[string]bool)}
}

// called is what a path is called in messages.
func called(path string) string {
	if path == "" {
		return "The body"
	}
	return path
}

// close refuses the members that were not asked for.
func (o *object) close() {
	for _, member := range slices.Sorted(maps.Keys(o.members)) {
		if !o.asked[member] {
			o.add(o.path+member, "%s is not a known member.", o.path+member)
		}
	}
}

func (o *object) get(member string) (v any, ok bool) {
	o.asked[member] = true
	v, ok = o.members[member]
	return v, ok
}

// require refuses an object without the members.
func (o *object) require(members ...string) {
	for _, member := range members {
		if _, ok := o.members[member]; !ok {
			o.add(o.path+member, "%s is required.", o.path+member)
		}
	}
}

// text returns a string, "" where it is absent or something else, which is refused.
func (o *object) text(member string) string {
	v, ok := o.get(member)
	s, isText := v.(string)
	if ok && !isText {
		o.add(o.path+member, "%s should be a string.", o.path+member)
	}
	return s
}

// filledText is a string that must not be empty.
func (o *object) filledText(member string) string {
	s := o.text(member)
	if v, ok := o.members[member]; ok && v == "" {
		o.add(o.path+member, "%s is empty.", o.path+member)
	}
	return s
}

func (o *object) bool(member string) bool {
	v, ok := o.get(member)
	b, isBool := v.(bool)
	if ok && !isBool {
		o.add(o.path+member, "%s should be a boolean.", o.path+member)
	}
	return b
}

// object returns the member read by read, unless it is absent or something else.
func (o *object) object(member string, read func(*object)) {
	v, ok := o.get(member)
	if !ok {
		return
	}
	if inner := newObject(o.problems, o.path+member, v); inner != nil {
		read(inner)
		inner.close()
	}
}

// objects reads each of an array. The path of the third of them ends in [2].
func (o *object) objects(member string, read func(*object)) {
	v, ok := o.get(member)
	items, isArray := v.([]any)
	if ok && !isArray {
		o.add(o.path+member, "%s should be an array.", o.path+member)
	}
	for i, item := range items {
		path := fmt.Sprintf("%s%s[%d]", o.path, member, i)
		if inner := newObject(o.problems, path, item); inner != nil {
			read(inner)
			inner.close()
		}
	}
}
