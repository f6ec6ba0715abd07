package rawtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// blind gets a copy of every message, and nobody may see it.
const blind = "blind@example.org"

// A shape is a message of the corpus.
type shape struct {
	name string
	raw  []byte
	// read is what Parse makes of it, and err why it does not.
	read *mailer.Message
	err  error
}

// corpus returns all of them.
func corpus(t *testing.T) []*shape {
	t.Helper()
	files, err := filepath.Glob("../../mailer/eml/testdata/parse/*.eml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d messages: %v", len(files), err)
	}
	var all []*shape
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := &shape{name: strings.TrimSuffix(filepath.Base(file), ".eml"), raw: raw}
		s.read, s.err = eml.Parse(mailer.Bytes(raw))
		all = append(all, s)
	}
	return all
}

// message is s under the envelope that its header says, and one recipient more.
func (s *shape) message() *mailer.Message {
	m := &mailer.Message{
		From: mailer.Address{Address: "envelope@example.com"}, To: []mailer.Address{{Address: "bob@example.net"}},
		Bcc: []mailer.Address{{Address: blind}}, Raw: mailer.Bytes(s.raw),
	}
	if s.err != nil {
		return m
	}
	if s.read.From.Address != "" {
		m.From.Address = s.read.From.Address
	}
	m.To, m.Cc = s.read.To, s.read.Cc
	m.Bcc = append(m.Bcc, s.read.Bcc...)
	return m
}

// reason is why Parse refuses s, without the kind of the refusal.
func (s *shape) reason() string {
	_, reason, _ := strings.Cut(strings.TrimPrefix(s.err.Error(), "eml: "), ": ")
	return reason
}
