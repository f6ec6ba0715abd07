package sendgrid

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sendgrid/sendgrid-go/helpers/mail"
)

// A jsonWriter writes the vendor's model down in JSON (RFC 8259), as encoding/json does by the
// model's tags: only what is set, maps in the order of their keys. A comma follows each member
// and element; the end of the object or array takes the place of the last one.
type jsonWriter struct {
	text []byte
	keys []string // of the map that is being written
	err  error    // the first
}

// message writes the whole text.
func (j *jsonWriter) message(m *mail.SGMailV3) ([]byte, error) {
	value(j, m, (*jsonWriter).mail)
	j.text = bytes.TrimSuffix(j.text, []byte(","))
	return j.text, j.err
}

// object writes a member that is an object, unless v is nil.
func object[T any](j *jsonWriter, name string, v *T, members func(*jsonWriter, *T)) {
	if v != nil {
		j.name(name)
		value(j, v, members)
	}
}

// objects writes a member that is an array of objects, unless it is empty.
func objects[T any](j *jsonWriter, name string, all []*T, members func(*jsonWriter, *T)) {
	if len(all) == 0 {
		return
	}
	j.name(name)
	j.text = append(j.text, '[')
	for _, v := range all {
		value(j, v, members)
	}
	j.close(']')
}

// value writes an object, or null.
func value[T any](j *jsonWriter, v *T, members func(*jsonWriter, *T)) {
	if v == nil {
		j.text = append(j.text, "null,"...)
		return
	}
	j.text = append(j.text, '{')
	members(j, v)
	j.close('}')
}

// pairs writes a member that is an object of strings, unless it is empty.
func (j *jsonWriter) pairs(name string, all map[string]string) {
	if len(all) > 0 {
		j.name(name)
		j.pairsValue(all)
	}
}

func (j *jsonWriter) pairsValue(all map[string]string) {
	j.keys = j.keys[:0]
	for key := range all {
		j.keys = append(j.keys, key)
	}
	slices.Sort(j.keys)
	j.text = append(j.text, '{')
	for _, key := range j.keys {
		j.text = append(appendString(j.text, key), ':')
		j.text = append(appendString(j.text, all[key]), ',')
	}
	j.close('}')
	clear(j.keys)
}

// exceeds reports whether an object of strings is longer than most octets.
func (j *jsonWriter) exceeds(all map[string]string, most int) bool {
	const escape = len(`\u0000`)
	bound := len("{}")
	for key, value := range all {
		bound += escape*(len(key)+len(value)) + len(`"":"",`)
	}
	if bound <= most {
		return false
	}
	start := len(j.text)
	j.pairsValue(all)
	n := len(j.text) - len(",") - start
	j.text = j.text[:start]
	return n > most
}

// any writes a member that holds whatever encoding/json can write, unless it is empty.
func (j *jsonWriter) any(name string, all map[string]any) {
	if len(all) == 0 {
		return
	}
	j.name(name)
	e := json.NewEncoder(j)
	e.SetEscapeHTML(false) // escapes make HTML longer, and JSON no better
	if err := e.Encode(all); err != nil && j.err == nil {
		j.err = err
	}
	j.text = append(bytes.TrimSuffix(j.text, []byte("\n")), ',')
}

// Write takes what [json.Encoder] writes.
func (j *jsonWriter) Write(p []byte) (int, error) {
	j.text = append(j.text, p...)
	return len(p), nil
}

// strings writes a member that is an array of strings, unless it is empty.
func (j *jsonWriter) strings(name string, all []string) {
	if len(all) == 0 {
		return
	}
	j.name(name)
	j.text = append(j.text, '[')
	for _, s := range all {
		j.text = append(appendString(j.text, s), ',')
	}
	j.close(']')
}

// ints writes a member that is an array of numbers, unless it is empty.
func (j *jsonWriter) ints(name string, all []int) {
	if len(all) == 0 {
		return
	}
	j.name(name)
	j.text = append(j.text, '[')
	for _, n := range all {
		j.text = append(strconv.AppendInt(j.text, int64(n), 10), ',')
	}
	j.close(']')
}

// string writes a member, unless s is empty.
func (j *jsonWriter) string(name, s string) {
	if s != "" {
		j.name(name)
		j.text = append(appendString(j.text, s), ',')
	}
}

// bodyText writes a member likewise, with every line end as CRLF.
func (j *jsonWriter) bodyText(name, s string) {
	if s != "" {
		j.name(name)
		j.text = append(appendText(j.text, s), ',')
	}
}

// int writes a member, unless n is zero.
func (j *jsonWriter) int(name string, n int) {
	if n != 0 {
		j.name(name)
		j.text = append(strconv.AppendInt(j.text, int64(n), 10), ',')
	}
}

// bool writes a member, unless is is nil: false says something else than nothing.
func (j *jsonWriter) bool(name string, is *bool) {
	if is != nil {
		j.name(name)
		j.text = append(strconv.AppendBool(j.text, *is), ',')
	}
}

// name begins a member. No name of the model needs an escape.
func (j *jsonWriter) name(name string) {
	j.text = append(append(append(j.text, '"'), name...), `":`...)
}

// close ends an object or array, as an element or member.
func (j *jsonWriter) close(bracket byte) {
	if last := len(j.text) - 1; j.text[last] == ',' {
		j.text = j.text[:last]
	}
	j.text = append(j.text, bracket, ',')
}

// appendString appends s as a JSON string (RFC 8259 section 7). An octet that is not UTF-8
// becomes U+FFFD.
func appendString(to []byte, s string) []byte { return appendEscaped(to, s, false) }

// appendText appends s likewise, with every line end as CRLF.
func appendText(to []byte, s string) []byte { return appendEscaped(to, s, true) }

func appendEscaped(to []byte, s string, isText bool) []byte {
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	to = append(slices.Grow(to, len(s)+len(`""`)), '"')
	for s != "" {
		n := plain(s)
		to, s = append(to, s[:n]...), s[n:]
		for s != "" && isEscaped(s[0]) { // a line end has two of them
			if n := lineEnd(s); isText && n > 0 {
				to, s = append(to, `\r\n`...), s[n:]
				continue
			}
			to, s = appendEscape(to, s[0]), s[1:]
		}
	}
	return append(to, '"')
}

// lineEnd returns the length of the line end that s begins with: CRLF, LF or a lone CR; or zero.
func lineEnd(s string) int {
	switch {
	case strings.HasPrefix(s, "\r\n"):
		return 2
	case s[0] == '\r' || s[0] == '\n':
		return 1
	}
	return 0
}

func isEscaped(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

func appendEscape(to []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(to, '\\', c)
	case '\n':
		return append(to, `\n`...)
	case '\r':
		return append(to, `\r`...)
	case '\t':
		return append(to, `\t`...)
	}
	const hex = "0123456789abcdef"
	return append(to, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
}

// plain counts the octets that s begins with and that stand in a JSON string as they are.
func plain(s string) int {
	rest := []byte(s) // not copied, since nobody changes it
	for len(rest) >= 8 {
		if found := findEscaped(binary.LittleEndian.Uint64(rest)); found != 0 {
			return len(s) - len(rest) + bits.TrailingZeros64(found)/8
		}
		rest = rest[8:]
	}
	for len(rest) > 0 && !isEscaped(rest[0]) {
		rest = rest[1:]
	}
	return len(s) - len(rest)
}

// findEscaped looks for controls, quotes and backslashes among eight octets at once. The lowest bit of
// the result is the highest of the first that it finds; what is above may be wrong, for borrows.
func findEscaped(octets uint64) uint64 {
	const (
		each = 0x0101010101010101
		high = 0x80 * each
	)
	low := octets ^ each*('"'^' ') // controls stay below the space, and the quote becomes one
	slash := octets ^ each*'\\'
	return ((low - each*(' '+1)) | (slash - each)) &^ octets & high
}
