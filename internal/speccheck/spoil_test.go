package speccheck

import (
	"encoding/json"
	"fmt"
	"slices"
)

// spoil returns body with one thing changed, for every place in it: another type, an empty
// value, nothing at all, a member too many.
func spoil(body any) map[string][]byte {
	spoiled := make(map[string][]byte)
	var walk func(at any, path string, set func(any))
	keep := func(path, how string) {
		text, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		spoiled[path+" "+how] = text
	}
	walk = func(at any, path string, set func(any)) {
		for how, other := range map[string]any{
			"is a string": "spoiled", "is a number": 17, "is true": true, "is null": nil, "is a list": []any{"x"},
			"is an object": map[string]any{"x": "y"}, "is empty": "", "is an empty list": []any{}, "is an empty object": map[string]any{},
		} {
			set(other)
			keep(path, how)
		}
		set(at)
		switch at := at.(type) {
		case map[string]any:
			at["unheard_of"] = "x"
			keep(path, "has a member too many")
			delete(at, "unheard_of")
			for _, name := range slices.Sorted(keys(at)) {
				value := at[name]
				delete(at, name)
				keep(path+"."+name, "is missing")
				at[name] = value
				walk(value, path+"."+name, func(v any) { at[name] = v })
			}
		case []any:
			for i, value := range at {
				walk(value, fmt.Sprintf("%s[%d]", path, i), func(v any) { at[i] = v })
			}
		}
	}
	walk(body, "body", func(v any) { body = v })
	return spoiled
}

func keys(m map[string]any) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range m {
			if !yield(name) {
				return
			}
		}
	}
}
