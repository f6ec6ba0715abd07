package jsontext

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// lines ends every line in CRLF.
var lines = strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n")

// FuzzText: bodies are read as their lines, each of which ends in CRLF.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "\r", "\n", "\n\r", "\r\n", "\r\r\n\n", "plain", "a\nb\rc\r\nd\"\x01\r", "0123456\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(AppendText(nil, s), &got); err != nil || got != lines.Replace(string([]rune(s))) {
			t.Errorf("%q: got %q, %v", s, got, err)
		}
	})
}

// TestExceeds: the limit is of the octets that are written, however many of them are escapes.
func TestExceeds(t *testing.T) {
	for _, all := range []map[string]string{
		nil, {}, {"": ""}, {"a": "b"}, {"a": "b", "c": "d"}, {"\x01\"": "\xff\u2028\r\n\\"}, {"a": strings.Repeat("x", 5000)},
	} {
		j := Writer{text: []byte("before")}
		j.pairs(all)
		size := len(j.text) - len("before,")
		before := Writer{text: []byte("before")}
		if before.Exceeds(all, size) || !before.Exceeds(all, size-1) {
			t.Errorf("%.50q has %d octets: Exceeds says something else", all, size)
		}
		if string(before.text) != "before" {
			t.Errorf("%.50q: %q is left", all, before.text)
		}
	}
}

// checkString compares what is written of s with encoding/json.
func checkString(t *testing.T, s string) {
	t.Helper()
	got := AppendString([]byte("before"), s)
	text, ok := bytes.CutPrefix(got, []byte("before"))
	if !ok {
		t.Fatalf("%q: got %q", s, got)
	}
	theirs, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back, want string
	if err := json.Unmarshal(theirs, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &back); err != nil || back != want {
		t.Fatalf("%q: got %s, which reads %q, %v", s, text, back, err)
	}
}

// TestEveryOctet: each octet at each place of the eight that are looked at together, alone and
// before others that have to be escaped, or nearly.
func TestEveryOctet(t *testing.T) {
	for _, around := range []string{"x", "ü", "\x7f", "!", " ", "#", "]", "[", "\"", "\\", "\x00", "\x1f", "\xa2", "\xdc"} {
		for c := range 256 {
			for before := range 10 {
				checkString(t, strings.Repeat("a", before)+string([]byte{byte(c)})+strings.Repeat(around, 9))
			}
		}
	}
}

// FuzzString: any string is read as encoding/json would have it, and invalid octets as U+FFFD.
func FuzzString(f *testing.F) {
	for _, s := range []string{
		"", "plain", "Thanks,\r\n\tAnn", "\b\f", `"\/`, "<script>&\x7f", "\u2028\u2029\ufffd", "\xff\xfe", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"0123456\"", "01234567\\", "0123456789abcde\x00", "İ\xc4", strings.Repeat("ü\n", 20),
	} {
		f.Add(s)
	}
	f.Fuzz(checkString)
}

// TestWriter: values of every kind, one within the other, are what encoding/json reads; what is empty is left out.
func TestWriter(t *testing.T) {
	for name, c := range map[string]struct {
		write func(*Writer)
		want  string
	}{
		"nothing":               {func(*Writer) {}, ""},
		"empty object":          {func(w *Writer) { w.Begin('{'); w.End('}') }, "{}"},
		"empty array in object": {func(w *Writer) { w.Begin('{'); w.Name("a"); w.Begin('['); w.End(']'); w.End('}') }, `{"a":[]}`},
		"objects in array": {func(w *Writer) {
			w.Begin('[')
			w.Begin('{')
			w.End('}')
			w.Begin('{')
			w.End('}')
			w.End(']')
		}, "[{},{}]"},
		"a comma that stays": {func(w *Writer) { w.Begin('['); w.Element(","); w.Element(",,"); w.End(']') }, `[",",",,"]`},
		"a pair":             {func(w *Writer) { w.Begin('{'); w.Pair("a", "b"); w.End('}') }, `{"a":"b"}`},
		"pairs": {
			func(w *Writer) {
				w.Begin('{')
				w.Pair("", "")
				w.Pair("\"\\\n", "\x00é\xff,")
				w.Name("z")
				w.Null()
				w.End('}')
			},
			`{"":"","\"\\\n":"\u0000é` + "\ufffd" + `,","z":null}`,
		},
		"pairs of one map and then of another": {
			func(w *Writer) {
				w.Begin('{')
				w.Pairs("a", map[string]string{"y": "2", "x": "1"})
				w.Pairs("none", nil)
				w.Pairs("b", map[string]string{"z": "3"})
				w.End('}')
			},
			`{"a":{"x":"1","y":"2"},"b":{"z":"3"}}`,
		},
		"a pair in a pair's place": {
			func(w *Writer) {
				w.Begin('{')
				w.Name("a")
				w.Begin('{')
				w.Pair("b", "c")
				w.End('}')
				w.Pair("d", "e")
				w.End('}')
			},
			`{"a":{"b":"c"},"d":"e"}`,
		},
	} {
		var w Writer
		c.write(&w)
		got, err := w.Bytes()
		if string(got) != c.want || err != nil || c.want != "" && !json.Valid(got) {
			t.Errorf("%s: got %s, %v; want %s", name, got, err, c.want)
		}
	}
}

// TestReset: a text that is begun anew knows nothing of the one before, nor of its error, but for their memory.
func TestReset(t *testing.T) {
	var w Writer
	if bytes, keys := w.Room(); bytes != 0 || keys != 0 {
		t.Errorf("%d bytes and %d keys, though nothing was written", bytes, keys)
	}
	w.Begin('{')
	w.Pairs("a", map[string]string{"x": "1", "y": "2", "z": "3"})
	w.Any("b", map[string]any{"c": make(chan int)})
	if _, err := w.Bytes(); err == nil {
		t.Error("a channel can be written")
	}
	bytes, keys := w.Room()
	if bytes < len(`{"a":{"x":"1","y":"2","z":"3"}`) || keys < 3 {
		t.Errorf("%d bytes and %d keys", bytes, keys)
	}
	w.Reset()
	if got, err := w.Bytes(); len(got) != 0 || err != nil {
		t.Errorf("after Reset: %q, %v", got, err)
	}
	if b, k := w.Room(); b != bytes || k != keys {
		t.Errorf("Reset keeps %d bytes and %d keys, not %d and %d", b, k, bytes, keys)
	}
	w.Begin('[')
	w.Element("a")
	w.End(']')
	if got, err := w.Bytes(); string(got) != `["a"]` || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if b, _ := w.Room(); b != bytes {
		t.Errorf("a short text takes %d bytes, not the %d that were there", b, bytes)
	}
}
