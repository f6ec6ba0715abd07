package sendgrid

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// TestNotUTF8: JSON would have another character in place of what is not UTF-8, so that
// such a message is refused. The error does not repeat it.
func TestNotUTF8(t *testing.T) {
	const latin = "caf\xe9"
	type inner struct{ Names []string }
	var changes []func(m *mailer.Message)
	options := reflect.TypeFor[Options]()
	for _, at := range stringsOf(options, nil) {
		var o Options
		v := reflect.ValueOf(&o).Elem().FieldByIndex(at)
		v.SetString(latin)
		changes = append(changes, with(o))
	}
	if len(changes) != 13 {
		t.Errorf("Options has %d texts, want 13", len(changes))
	}
	changes = append(changes, with(Options{Substitutions: map[string]string{"-a-": latin}}), with(Options{Substitutions: map[string]string{latin: "a"}}))
	for _, value := range []any{
		latin, []any{"a", latin}, map[string]any{"a": map[string]any{"b": latin}}, map[string]string{latin: "b"}, [2]string{"a", latin},
		inner{[]string{latin}}, &inner{[]string{latin}}, json.RawMessage(`"` + latin + `"`), spelled(latin), &struct{ S spelledByPointer }{spelledByPointer{latin}},
	} {
		changes = append(changes, func(m *mailer.Message) { dynamic(m); m.Template.Data["v"] = value })
	}
	changes = append(changes,
		func(m *mailer.Message) { dynamic(m); m.Template.Data[latin] = 1 },
		func(m *mailer.Message) { legacy(m); m.Template.Data["-n-"] = latin },
		func(m *mailer.Message) { legacy(m); m.Template.Data[latin] = "a" })
	for i, change := range changes {
		_, err := request(t, Config{}, change)
		if !errors.Is(err, mailer.ErrInvalidMessage) || errors.Is(err, mailer.ErrUnsupported) || strings.Contains(fmt.Sprint(err), "caf") {
			t.Errorf("change %d: got %v", i, err)
		}
	}
}

// spelled writes itself as text.
type spelled string

func (s spelled) MarshalText() ([]byte, error) { return []byte(s), nil }

// spelledByPointer does so only where it has an address.
type spelledByPointer struct{ text string }

func (s *spelledByPointer) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// circle holds what leads back to itself, but not in the JSON that it writes.
type circle struct{ Ring *ring }

type ring struct{ Next *ring }

func (c *circle) MarshalJSON() ([]byte, error) { return []byte(`"round"`), nil }

// stringsOf returns where t has fields that are strings.
func stringsOf(t reflect.Type, under []int) (all [][]int) {
	for i := range t.NumField() {
		at := append(slices.Clone(under), i)
		switch f := t.Field(i).Type; f.Kind() {
		case reflect.String:
			all = append(all, at)
		case reflect.Struct:
			all = append(all, stringsOf(f, at)...)
		}
	}
	return all
}

// TestUTF8: the character that stands for what is not UTF-8 may be meant, and what JSON does not hold
// may be anything.
func TestUTF8(t *testing.T) {
	type held struct {
		Text   string
		Bytes  []byte
		Left   string `json:"-"`
		hidden string
		Time   time.Time
	}
	round := circle{new(ring)}
	round.Ring.Next = round.Ring
	_, err := request(t, Config{}, func(m *mailer.Message) {
		dynamic(m)
		m.Template.Data["v"] = []any{&struct{ C circle }{round}, (*spelledByPointer)(nil), nil, 1.5, true, &held{"\ufffd ü", []byte("\xff"), "\xff", "\xff", inAnHour}, (*held)(nil), spelled("ü"), json.RawMessage(`"\ufffd"`)}
		with(Options{OpenTrackingTag: "\ufffd"})(m)
	})
	if err != nil {
		t.Error(err)
	}
}
