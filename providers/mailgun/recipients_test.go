package mailgun_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// TestEveryone: everybody is in the envelope, however many they are, and in no more than 500 fields.
func TestEveryone(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	m := simple()
	for i := range 999 {
		m.Bcc = append(m.Bcc, mailer.Address{Address: fmt.Sprintf("r%d@example.com", i)})
	}
	m = prepared(t, m)
	_, got := r.accepted(m)
	equal(t, "Recipients", got.Recipients, m.Recipients())
	if n := bytes.Count(r.server.Requests()[0].Body, []byte(`name="to"`)); n != 500 {
		t.Errorf("%d fields, want 500", n)
	}
}

// TestEveryoneInBatch: where the addresses have names, each field holds as many.
func TestEveryoneInBatch(t *testing.T) {
	people := make([]mailer.Address, 999)
	for i := range people {
		people[i] = mailer.Address{Name: fmt.Sprintf(`Number %d, "R" ü`, i), Address: fmt.Sprintf("r%d@example.com", i)}
	}
	batch := withOptions(simple(), mailgun.Options{RecipientVariables: map[string]map[string]any{}})
	batch.To = people
	template := simple()
	template.Template, template.Text = &mailer.Template{ID: "welcome"}, ""
	template.To, template.Cc, template.Bcc = people[:333], people[333:666], people[666:]
	for name, m := range map[string]*mailer.Message{"batch": batch, "template": template} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailguntest.Config{}, nil)
			m := prepared(t, m)
			_, got := r.accepted(m)
			if !slices.Equal(got.To, m.To) || !slices.Equal(got.Cc, m.Cc) || !slices.Equal(got.Bcc, m.Bcc) {
				t.Errorf("got %d, %d and %d addresses, or others", len(got.To), len(got.Cc), len(got.Bcc))
			}
			if n := bytes.Count(r.server.Requests()[0].Body, []byte("form-data;")); n > 520 {
				t.Errorf("%d parts", n)
			}
		})
	}
}
