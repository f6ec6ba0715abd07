// Package jsontext writes JSON (RFC 8259) member by member into memory that is used again.
package jsontext

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
)

// A Writer writes one JSON text. A comma follows each member and element; the end of the
// object or array takes the place of the last one. The zero Writer is empty.
type Writer struct {
	text []byte
	keys []string // of the map that is being written
	err  error    // the first
}

// Bytes returns the text, which lasts until the next Reset, and the first error.
func (w *Writer) Bytes() ([]byte, error) { return bytes.TrimSuffix(w.text, []byte(",")), w.err }

// Reset empties w and keeps its memory.
func (w *Writer) Reset() { *w = Writer{text: w.text[:0], keys: w.keys[:0]} }

// Room returns how many bytes and keys of memory w keeps.
func (w *Writer) Room() (bytes, keys int) { return cap(w.text), cap(w.keys) }

// Begin begins an object or array, as an element or as the value of a member that was named.
func (w *Writer) Begin(bracket byte) { w.text = append(w.text, bracket) }

// End ends it.
func (w *Writer) End(bracket byte) {
	if last := len(w.text) - 1; w.text[last] == ',' {
		w.text = w.text[:last]
	}
	w.text = append(w.text, bracket, ',')
}

// Null writes null.
func (w *Writer) Null() { w.text = append(w.text, "null,"...) }

// Name begins a member. The name is one that needs no escape.
func (w *Writer) Name(name string) {
	w.text = append(append(append(w.text, '"'), name...), `":`...)
}

// String writes a member, unless s is empty.
func (w *Writer) String(name, s string) {
	if s != "" {
		w.Name(name)
		w.Element(s)
	}
}

// Element writes a string, as an element or as the value of a member that was named.
func (w *Writer) Element(s string) { w.text = append(AppendString(w.text, s), ',') }

// BodyText writes a member likewise, with every line end as CRLF.
func (w *Writer) BodyText(name, s string) {
	if s != "" {
		w.Name(name)
		w.text = append(AppendText(w.text, s), ',')
	}
}

// Int writes a member, unless n is zero.
func (w *Writer) Int(name string, n int) {
	if n != 0 {
		w.Name(name)
		w.text = append(strconv.AppendInt(w.text, int64(n), 10), ',')
	}
}

// Bool writes a member, unless is is nil: false says something else than nothing.
func (w *Writer) Bool(name string, is *bool) {
	if is != nil {
		w.Name(name)
		w.text = append(strconv.AppendBool(w.text, *is), ',')
	}
}

// Strings writes a member that is an array of strings, unless it is empty.
func (w *Writer) Strings(name string, all []string) {
	if len(all) == 0 {
		return
	}
	w.Name(name)
	w.Begin('[')
	for _, s := range all {
		w.Element(s)
	}
	w.End(']')
}

// Ints writes a member that is an array of numbers, unless it is empty.
func (w *Writer) Ints(name string, all []int) {
	if len(all) == 0 {
		return
	}
	w.Name(name)
	w.Begin('[')
	for _, n := range all {
		w.text = append(strconv.AppendInt(w.text, int64(n), 10), ',')
	}
	w.End(']')
}

// Pairs writes a member that is an object of strings in the order of their names, unless it is empty.
func (w *Writer) Pairs(name string, all map[string]string) {
	if len(all) > 0 {
		w.Name(name)
		w.pairs(all)
	}
}

func (w *Writer) pairs(all map[string]string) {
	w.keys = w.keys[:0]
	for key := range all {
		w.keys = append(w.keys, key)
	}
	slices.Sort(w.keys)
	w.Begin('{')
	for _, key := range w.keys {
		w.Pair(key, all[key])
	}
	w.End('}')
	clear(w.keys)
}

// Pair writes a member whose name may need escapes, even where it is empty.
func (w *Writer) Pair(name, value string) {
	w.text = append(AppendString(w.text, name), ':')
	w.Element(value)
}

// Exceeds reports whether an object of strings is longer than most octets.
func (w *Writer) Exceeds(all map[string]string, most int) bool {
	const escape = len(`\u0000`)
	bound := len("{}")
	for key, value := range all {
		bound += escape*(len(key)+len(value)) + len(`"":"",`)
	}
	if bound <= most {
		return false
	}
	start := len(w.text)
	w.pairs(all)
	n := len(w.text) - len(",") - start
	w.text = w.text[:start]
	return n > most
}

// Any writes a member that holds whatever encoding/json can write, unless it is empty.
func (w *Writer) Any(name string, all map[string]any) {
	if len(all) == 0 {
		return
	}
	w.Name(name)
	e := json.NewEncoder((*sink)(w))
	e.SetEscapeHTML(false) // escapes make HTML longer, and JSON no better
	if err := e.Encode(all); err != nil && w.err == nil {
		w.err = err
	}
	w.text = append(bytes.TrimSuffix(w.text, []byte("\n")), ',')
}

// A sink takes what [json.Encoder] writes.
type sink Writer

func (s *sink) Write(p []byte) (int, error) {
	s.text = append(s.text, p...)
	return len(p), nil
}
