package mailgun_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// TestNotUTF8: what JSON would change in silence is refused, and not quoted.
func TestNotUTF8(t *testing.T) {
	data := func(v any) func(*mailer.Message) {
		return func(m *mailer.Message) {
			m.Text, m.Template = "", &mailer.Template{ID: "welcome", Data: map[string]any{"x": v}}
		}
	}
	options := func(o mailgun.Options) func(*mailer.Message) {
		return func(m *mailer.Message) { m.ProviderOptions = map[string]any{"mailgun": o} }
	}
	variables := func(key string, v any) func(*mailer.Message) {
		return options(mailgun.Options{RecipientVariables: map[string]map[string]any{"ann@example.com": {key: v}}})
	}
	const bad = "caf\xe9"
	for name, change := range map[string]func(*mailer.Message){
		"Template.Data":                 data(bad),
		"Template.Data, nested":         data([]any{map[string]any{"a": []string{bad}}}),
		"Template.Data, key":            data(map[string]any{bad: 1}),
		"Template.Data, struct":         data(struct{ A *string }{new(string)}),
		"Template.Data, JSON":           data(json.RawMessage(`"` + bad + `"`)),
		"RecipientVariables":            variables("a", bad),
		"RecipientVariables, key":       variables(bad, "a"),
		"RecipientVariables, backslash": variables("a", `\`+bad),
		"SendingIP":                     options(mailgun.Options{SendingIP: bad}),
		"SecondaryDKIM":                 options(mailgun.Options{SecondaryDKIM: "example.com/" + bad}),
		"SuppressHeaders":               options(mailgun.Options{SuppressHeaders: []string{bad}}),
		"ArchiveTo":                     options(mailgun.Options{ArchiveTo: "https://example.com/" + bad}),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailguntest.Config{}, nil)
			m := simple()
			change(m)
			if name == "Template.Data, struct" {
				*m.Template.Data["x"].(struct{ A *string }).A = bad
			}
			_, err := r.client.Send(r.context(), m)
			verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeCaller, is: mailer.ErrInvalidMessage}.check(t, nil, err)
			if strings.Contains(err.Error(), "caf") || r.server.Stats().Conns != 0 {
				t.Errorf("got %v and %d connections", err, r.server.Stats().Conns)
			}
		})
	}
}

// TestUTF8: U+FFFD is a character like others, and so is what only looks like an escape.
func TestUTF8(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	m := simple()
	m.Text, m.Template = "", &mailer.Template{ID: "welcome", Data: map[string]any{"a": "\uFFFD", "b": `\ufffd`, "c": `\\ufffd`, "d": "<ü>"}}
	_, got := r.accepted(m)
	equal(t, "TemplateVariables", got.TemplateVariables, m.Template.Data)
}

// TestLineEnds: of every kind, they become CRLF, and nothing else changes.
func TestLineEnds(t *testing.T) {
	const given, want = "\nGrüße\r\n\ra\r\r\nb\n\r", "\r\nGrüße\r\n\r\na\r\n\r\nb\r\n\r\n"
	long := strings.Repeat("1234\r\n567\r8\n", 10_000)
	for name, tt := range map[string]struct{ given, want string }{
		"mixed":       {given, want},
		"CRLF":        {want, want},
		"none":        {"Grüße", "Grüße"},
		"many blocks": {long, strings.Repeat("1234\r\n567\r\n8\r\n", 10_000)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailguntest.Config{}, nil)
			m := withOptions(simple(), mailgun.Options{RecipientVariables: map[string]map[string]any{}})
			m.Text, m.HTML = tt.given, tt.given
			m.Alternatives = []mailer.Alternative{{ContentType: "text/x-amp-html", Content: mailer.Bytes([]byte(tt.given))}}
			_, got := r.accepted(m)
			equal(t, "Text", got.Text, tt.want)
			equal(t, "HTML", got.HTML, tt.want)
			equal(t, "AMPHTML", got.AMPHTML, tt.want)
		})
	}
}
