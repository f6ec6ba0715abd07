package parsing

import (
	"bytes"
	"testing"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
)

// TestContendersAgree: what is compared is the same work.
func TestContendersAgree(t *testing.T) {
	for name, m := range messages(t) {
		raw, err := Raw(m)
		if err != nil {
			t.Fatal(err)
		}
		want, err := readStandard(raw)
		if err != nil {
			t.Fatal(err)
		}
		if name != "small" && want.FileBytes == 0 || want.Text == 0 || want.Subject == "" {
			t.Fatalf("%s: %+v", name, want)
		}
		for _, c := range All() {
			if got, err := c.Read(raw); err != nil || got != want {
				t.Errorf("%s, %s: %+v, %v; want %+v", name, c.Name, got, err, want)
			}
		}
	}
}

func messages(tb testing.TB) map[string]*contender.Mail {
	tb.Helper()
	full, err := contender.Full(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	large, err := contender.Large(tb.TempDir(), 256<<10)
	if err != nil {
		tb.Fatal(err)
	}
	return map[string]*contender.Mail{"small": contender.Small(), "full": full, "large": large}
}

// TestContendersRefuseWhatWasCut is about all but enmime, which repairs it.
func TestContendersRefuseWhatWasCut(t *testing.T) {
	raw, err := Raw(messages(t)["full"])
	if err != nil {
		t.Fatal(err)
	}
	cut := raw[:bytes.LastIndex(raw, []byte("\r\n--"))]
	for _, c := range All() {
		got, err := c.Read(cut)
		if repairs := c.Name == Enmime; (err == nil) != repairs {
			t.Errorf("%s reads a message that was cut: %+v, %v", c.Name, got, err)
		}
	}
}
