package sendgrid

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer"
)

// notUTF8 is about text in what, which [mailer.Prepare] does not look into. JSON has U+FFFD in its place.
func notUTF8(what string) error {
	return fmt.Errorf("%w: %s has text that is not UTF-8", mailer.ErrInvalidMessage, what)
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

// isUTF8 reports whether all text of v that encoding/json writes is UTF-8. What writes its JSON itself is
// not looked into: encoding/json leaves that as it is. v has no cycles.
func isUTF8(v reflect.Value) bool {
	switch {
	case !v.IsValid() || implements(v, jsonMarshaler):
		return true
	case implements(v, textMarshaler):
		return writesUTF8(v)
	}
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Interface, reflect.Pointer:
		return isUTF8(v.Elem())
	case reflect.Slice, reflect.Array:
		return areUTF8(v)
	case reflect.Map:
		for pairs := v.MapRange(); pairs.Next(); {
			if !isUTF8(pairs.Key()) || !isUTF8(pairs.Value()) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if isWritten(v.Type().Field(i)) && !isUTF8(v.Field(i)) {
				return false
			}
		}
	}
	return true
}

// implements finds methods of the pointer too, as encoding/json does.
func implements(v reflect.Value, what reflect.Type) bool {
	return v.CanInterface() && (v.Type().Implements(what) || v.CanAddr() && reflect.PointerTo(v.Type()).Implements(what))
}

// writesUTF8 is about what writes its text itself. What cannot is left to encoding/json.
func writesUTF8(v reflect.Value) bool {
	if v.Kind() == reflect.Pointer && v.IsNil() || v.Kind() == reflect.Interface {
		return isUTF8(v.Elem())
	}
	m, ok := v.Interface().(encoding.TextMarshaler)
	if !ok {
		m, _ = v.Addr().Interface().(encoding.TextMarshaler)
	}
	text, err := m.MarshalText()
	return err != nil || utf8.Valid(text)
}

func areUTF8(list reflect.Value) bool {
	if list.Type().Elem().Kind() == reflect.Uint8 {
		return true // in base64
	}
	for i := range list.Len() {
		if !isUTF8(list.Index(i)) {
			return false
		}
	}
	return true
}

// isWritten reports whether encoding/json writes a field.
func isWritten(f reflect.StructField) bool {
	return (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-"
}
