package mailer_test

import (
	"encoding"
	"fmt"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// The names are part of the JSON that programs read: a change breaks them.
func TestEnumText(t *testing.T) {
	outcomes := []string{"unknown", "accepted", "partly_accepted", "not_accepted"}
	scopes := []string{"unknown", "message", "recipient", "sender", "account", "rate", "provider", "caller"}
	deliveries := []string{"default", "at-most-once", "at-least-once"}
	phases := []string{"none", "connect", "tls", "auth", "envelope", "content", "committed", "done"}

	testEnum(t, outcomes, func(i int) mailer.Outcome { return mailer.Outcome(i) })
	testEnum(t, scopes, func(i int) mailer.Scope { return mailer.Scope(i) })
	testEnum(t, deliveries, func(i int) mailer.Delivery { return mailer.Delivery(i) })
	testEnum(t, phases, func(i int) mailer.Phase { return mailer.Phase(i) })
}

// testEnum checks that value(i) is called names[i] both ways, and that there are no further values.
func testEnum[T interface {
	comparable
	fmt.Stringer
	encoding.TextMarshaler
}](t *testing.T, names []string, value func(int) T) {
	t.Helper()
	for i, name := range names {
		v := value(i)
		text, err := v.MarshalText()
		if err != nil || string(text) != name || v.String() != name {
			t.Errorf("%T(%d): text %q, string %q, err %v, want %q", v, i, text, v.String(), err, name)
		}
		var back T
		if err := any(&back).(encoding.TextUnmarshaler).UnmarshalText([]byte(name)); err != nil || back != v {
			t.Errorf("%q read as %v, err %v, want %v", name, back, err, v)
		}
	}
	for _, i := range []int{-1, len(names)} {
		kind := strings.TrimPrefix(fmt.Sprintf("%T", value(i)), "mailer.")
		if got, want := value(i).String(), fmt.Sprintf("%s(%d)", kind, i); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, bad := range []string{"", " " + names[1], strings.ToUpper(names[1]), "nothing"} {
		v := value(1)
		err := any(&v).(encoding.TextUnmarshaler).UnmarshalText([]byte(bad))
		if err == nil || v != value(0) {
			t.Errorf("%T: %q read as %v, err %v, want the zero value and an error", v, bad, v, err)
		}
	}
}

// Whoever forgets to give a verdict must not have said that nobody has the message.
func TestZeroOutcomeIsUnknown(t *testing.T) {
	var receipt mailer.Receipt
	var result mailer.RecipientResult
	var err mailer.SendError
	if receipt.Outcome != mailer.Unknown || result.Outcome != mailer.Unknown || err.Outcome != mailer.Unknown {
		t.Errorf("got %v, %v, %v, want unknown", receipt.Outcome, result.Outcome, err.Outcome)
	}
}
