package sendgrid

import (
	"github.com/sendgrid/sendgrid-go/helpers/mail"

	"github.com/mailkeel/mailkeel/internal/jsontext"
)

// A jsonWriter writes the vendor's model down as encoding/json does it by the model's tags: only
// what is set, maps in the order of their keys.
type jsonWriter struct{ jsontext.Writer }

// message writes the whole text.
func (j *jsonWriter) message(m *mail.SGMailV3) ([]byte, error) {
	value(j, m, (*jsonWriter).mail)
	return j.Bytes()
}

// object writes a member that is an object, unless v is nil.
func object[T any](j *jsonWriter, name string, v *T, members func(*jsonWriter, *T)) {
	if v != nil {
		j.Name(name)
		value(j, v, members)
	}
}

// objects writes a member that is an array of objects, unless it is empty.
func objects[T any](j *jsonWriter, name string, all []*T, members func(*jsonWriter, *T)) {
	if len(all) == 0 {
		return
	}
	j.Name(name)
	j.Begin('[')
	for _, v := range all {
		value(j, v, members)
	}
	j.End(']')
}

// value writes an object, or null.
func value[T any](j *jsonWriter, v *T, members func(*jsonWriter, *T)) {
	if v == nil {
		j.Null()
		return
	}
	j.Begin('{')
	members(j, v)
	j.End('}')
}
