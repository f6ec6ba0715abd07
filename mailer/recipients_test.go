package mailer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestEnvelopeFrom(t *testing.T) {
	for returnPath, want := range map[string]string{
		"": "ann@example.com", "<>": "", "bounce@bücher.example": "bounce@xn--bcher-kva.example",
	} {
		msg := simple()
		msg.ReturnPath = returnPath
		if msg.EnvelopeFrom() != "" {
			t.Error("a message that was not prepared has an envelope")
		}
		if got := mustPrepare(t, msg).EnvelopeFrom(); got != want {
			t.Errorf("ReturnPath %q: got %q, want %q", returnPath, got, want)
		}
	}
	for _, bad := range []string{"<bounce@example.com>", "< >", ">", "bounce", " "} {
		msg := simple()
		msg.ReturnPath = bad
		refused(t, msg)
	}
}

func TestRecipients(t *testing.T) {
	list := func(specs ...string) (all []mailer.Address) {
		for _, s := range specs {
			all = append(all, mailer.Address{Name: "N", Address: s})
		}
		return all
	}
	numbered := make([]string, 20)
	for i := range numbered {
		numbered[i] = strings.Repeat("r", i+1) + "@example.org"
	}
	tests := []struct {
		name        string
		to, cc, bcc []mailer.Address
		want        []string
	}{
		{"in order", list("b@x.org", "a@x.org"), list("c@x.org"), list("d@x.org"), []string{"b@x.org", "a@x.org", "c@x.org", "d@x.org"}},
		{"bcc alone", nil, nil, list("d@x.org"), []string{"d@x.org"}},
		{"in several lists", list("a@x.org"), list("a@x.org", "b@x.org"), list("b@x.org", "a@x.org"), []string{"a@x.org", "b@x.org"}},
		{"twice in one", list("a@x.org", "a@x.org"), nil, nil, []string{"a@x.org"}},
		{"case of the domain", list("a@X.org"), list("a@x.ORG"), nil, []string{"a@X.org"}},
		{"case of the local part", list("a@x.org"), list("A@x.org"), nil, []string{"a@x.org", "A@x.org"}},
		{"international domain", list("a@bücher.example"), list("a@XN--bcher-kva.example"), nil, []string{"a@xn--bcher-kva.example"}},
		{"many, repeated", list(numbered...), list("r@EXAMPLE.org", "R@example.org"), list(numbered...), append(slices.Clone(numbered), "R@example.org")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			msg := simple()
			msg.To, msg.Cc, msg.Bcc = tt.to, tt.cc, tt.bcc
			m := mustPrepare(t, msg)
			if got := m.Recipients(); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			if len(m.To) != len(tt.to) || len(m.Cc) != len(tt.cc) || len(m.Bcc) != len(tt.bcc) {
				t.Error("the header fields lost repeated addresses")
			}
		})
	}
}

func TestRecipientsOfUnpreparedMessage(t *testing.T) {
	msg := simple()
	msg.Cc = []mailer.Address{{Address: "bob@EXAMPLE.org"}, {Address: "carl@example.org"}}
	if got := msg.Recipients(); !slices.Equal(got, []string{"bob@example.org", "carl@example.org"}) {
		t.Errorf("got %v", got)
	}
}
