package sendgrid

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/sendgrid/sendgrid-go/helpers/mail"

	"github.com/mailkeel/mailkeel/mailer"
)

// filler fills in values that differ from each other, where choose says so.
type filler struct {
	t      testing.TB
	n      int
	choose func() bool
	flag   bool // of the next *bool; each is another than the one before
	filled map[string]bool
}

// fill sets v, and notes each field that it meets under the name of its type.
func (f *filler) fill(v reflect.Value) {
	f.n++
	switch v.Kind() {
	case reflect.Bool:
		f.flag = !f.flag
		v.SetBool(f.flag)
	case reflect.Int:
		v.SetInt(int64(f.n - 2*f.n*(f.n&1))) // of both signs
	case reflect.String:
		v.SetString(fmt.Sprintf("%d \"\\ü\r\n\x01<&>", f.n))
	case reflect.Interface:
		v.Set(reflect.ValueOf(map[string]any{"a": []any{f.n, "<b>", nil}, "c": f.n%2 == 0}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		f.slice(v)
	case reflect.Map:
		f.pairs(v)
	case reflect.Struct:
		f.fields(v)
	default:
		f.t.Fatalf("the model has a %s, which jsonWriter cannot write", v.Type())
	}
}

func (f *filler) slice(v reflect.Value) {
	v.Set(reflect.MakeSlice(v.Type(), 3, 3))
	for i := range 3 {
		if f.choose() {
			f.fill(v.Index(i))
		}
	}
}

func (f *filler) pairs(v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	for i := range 12 {
		if f.choose() {
			value := reflect.New(v.Type().Elem()).Elem()
			f.fill(value)
			v.SetMapIndex(reflect.ValueOf(fmt.Sprintf("k%d\"", i*7%12)), value)
		}
	}
}

func (f *filler) fields(v reflect.Value) {
	for i := range v.NumField() {
		if f.choose() {
			f.filled[v.Type().Name()+"."+v.Type().Field(i).Name] = true
			f.fill(v.Field(i))
		}
	}
}

// same fails unless m is written as encoding/json writes it, but for the order of members and
// the escapes that it makes for HTML. The length shows a member that is written twice.
func same(t *testing.T, m *mail.SGMailV3) {
	t.Helper()
	var j jsonWriter
	got, err := j.message(m)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		t.Fatal(err)
	}
	if len(got) != want.Len()-len("\n") || !reflect.DeepEqual(decoded(t, got), decoded(t, want.Bytes())) {
		t.Fatalf("got  %s\nwant %s", got, &want)
	}
}

func decoded(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if rest, err := d.Token(); err == nil {
		t.Fatalf("%v stands behind the value: %s", rest, text)
	}
	return v
}

// TestEveryField: nothing of the model is left out, also when the vendor adds to it.
func TestEveryField(t *testing.T) {
	for _, flag := range []bool{true, false} {
		var m mail.SGMailV3
		f := filler{t: t, choose: func() bool { return true }, flag: flag, filled: make(map[string]bool)}
		f.fill(reflect.ValueOf(&m).Elem())
		same(t, &m)
		const fields = 83 // of sendgrid-go 3.16.1
		if len(f.filled) < fields {
			t.Errorf("only %d fields were filled in, want %d", len(f.filled), fields)
		}
	}
}

// TestSomeFields: what is not set is not written, whatever else is; an object without members,
// an empty list and an element that is nil are written as encoding/json does it.
func TestSomeFields(t *testing.T) {
	same(t, &mail.SGMailV3{})
	same(t, mail.NewV3Mail().AddPersonalizations(mail.NewPersonalization()))
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for i := range 500 {
		var m mail.SGMailV3
		share := random.Float64()
		f := filler{t: t, choose: func() bool { return random.Float64() < share }, flag: i%2 == 0, filled: make(map[string]bool)}
		f.fill(reflect.ValueOf(&m).Elem())
		same(t, &m)
	}
}

// TestUnwritable: data that JSON cannot express fails its own message, and none that has its memory.
func TestUnwritable(t *testing.T) {
	for range 10 {
		if _, err := request(t, Config{}, func(m *mailer.Message) { dynamic(m); m.Template.Data["f"] = func() {} }); !errors.Is(err, mailer.ErrInvalidMessage) {
			t.Errorf("got %v, want %v", err, mailer.ErrInvalidMessage)
		}
		if text, err := request(t, Config{}, dynamic); err != nil || !json.Valid(text) {
			t.Fatalf("got %s, %v", text, err)
		}
	}
}
