package entity

import (
	"bytes"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// A fieldReader unfolds the header of part (RFC 5322 section 2.2.3).
type fieldReader struct {
	part  *Part
	name  string
	value []byte
}

// line takes one that begins a field, or continues the one before.
func (f *fieldReader) line(text []byte) error {
	if text[0] == ' ' || text[0] == '\t' {
		if f.name == "" {
			return refuse.Invalid("%s: begins with white space", f.part.Path)
		}
		f.value = append(f.value, text...)
		return nil
	}
	f.finish()
	var ok bool
	if f.name, f.value, ok = cutField(f.value[:0], text); !ok {
		return refuse.Invalid("%s: has a header line that is no field", f.part.Path)
	}
	return nil
}

// finish adds the field that was read last.
func (f *fieldReader) finish() {
	if f.name != "" {
		f.part.Fields = append(f.part.Fields, Field{f.name, string(bytes.Trim(f.value, " \t"))})
	}
}

// cutField splits a line at its colon. White space before that is obsolete (RFC 5322 section 4.5) but read by
// many.
func cutField(dst, text []byte) (name string, value []byte, ok bool) {
	before, after, found := bytes.Cut(text, []byte{':'})
	before = bytes.TrimRight(before, " \t")
	for _, c := range before {
		if c <= ' ' || c >= 0x7f {
			return "", nil, false
		}
	}
	return string(before), append(dst, after...), found && len(before) > 0
}
