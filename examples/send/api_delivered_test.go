package main

import (
	"mime"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// A delivered message is what a fake holds, in terms that both have.
type delivered struct {
	id         string // the provider's name for it
	from       mailer.Address
	to, cc     []mailer.Address
	bcc        []string
	envelope   []string // everybody it goes to
	replyTo    []mailer.Address
	subject    string
	text, html string
	files      []deliveredFile
	header     func(name string) string
	tags       []string
	metadata   map[string]string
	messageID  string
	key        string
	raw        string
}

type deliveredFile struct{ name, cid, content string }

// The names under which the identity of a message travels.
const (
	messageIDName = "mailkeel_message_id"
	keyName       = "mailkeel_key"
	envelopeName  = "mailkeel_envelope"
)

func fromSendGrid(m *sendgridtest.Message) delivered {
	d := delivered{
		id: m.ID, from: mailbox(m.From), to: mailboxes(m.To), cc: mailboxes(m.Cc), replyTo: mailboxes(m.ReplyTo),
		subject: m.Subject, tags: m.Categories, header: func(name string) string { return m.Headers[name] },
	}
	for _, a := range m.Bcc {
		d.bcc = append(d.bcc, a.Email)
	}
	for _, a := range slices.Concat(m.To, m.Cc, m.Bcc) {
		d.envelope = append(d.envelope, a.Email)
	}
	for _, c := range m.Contents {
		switch c.Type {
		case "text/plain":
			d.text = c.Value
		case "text/html":
			d.html = c.Value
		}
	}
	for _, a := range m.Attachments {
		d.files = append(d.files, deliveredFile{a.Filename, a.ContentID, string(a.Content)})
	}
	d.identify(m.CustomArgs)
	return d
}

func mailbox(a sendgridtest.Address) mailer.Address {
	return mailer.Address{Name: a.Name, Address: a.Email}
}

func mailboxes(list []sendgridtest.Address) []mailer.Address {
	var all []mailer.Address
	for _, a := range list {
		all = append(all, mailbox(a))
	}
	return all
}

// fromMailgun finds blind copies where they are: in the envelope and in no header field.
func fromMailgun(m *mailguntest.Message) delivered {
	d := delivered{
		id: m.ID, from: m.From, to: m.To, cc: m.Cc, replyTo: m.ReplyTo, subject: m.Subject,
		text: m.Text, html: m.HTML, tags: m.Tags, raw: string(m.MIME), envelope: m.Recipients,
		header: func(name string) string {
			decoded, err := new(mime.WordDecoder).DecodeHeader(m.Header(name))
			if err != nil {
				return err.Error()
			}
			return decoded
		},
	}
	for _, address := range m.Recipients {
		if !slices.ContainsFunc(slices.Concat(m.To, m.Cc), func(a mailer.Address) bool { return a.Address == address }) {
			d.bcc = append(d.bcc, address)
		}
	}
	for _, a := range slices.Concat(m.Attachments, m.Inlines) {
		d.files = append(d.files, deliveredFile{a.Name, a.ContentID, string(a.Data)})
	}
	d.identify(m.Variables)
	return d
}

// identify parts the identity of a message from its metadata.
func (d *delivered) identify(values map[string]string) {
	d.metadata = make(map[string]string)
	for key, value := range values {
		switch key {
		case messageIDName:
			d.messageID = value
		case envelopeName: // a hash, which says nothing to anybody
		case keyName:
			d.key = value
		default:
			d.metadata[key] = value
		}
	}
}

// check compares with what is wanted, of which header, id, messageID and raw do not count.
func (d *delivered) check(t *testing.T, want *delivered) {
	t.Helper()
	sameAddresses(t, "From", []mailer.Address{d.from}, []mailer.Address{want.from})
	sameAddresses(t, "To", d.to, want.to)
	sameAddresses(t, "Cc", d.cc, want.cc)
	sameAddresses(t, "Reply-To", d.replyTo, want.replyTo)
	sameStrings(t, "blind copies", d.bcc, want.bcc...)
	sameStrings(t, "tags", d.tags, want.tags...)
	for what, pair := range map[string][2]string{
		"subject": {d.subject, want.subject}, "text": {lf(d.text), want.text}, "HTML": {lf(d.html), want.html}, "key": {d.key, want.key},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: got %q, want %q", what, pair[0], pair[1])
		}
	}
	if !slices.Equal(d.files, want.files) {
		t.Errorf("files: got %.200q, want %.200q", d.files, want.files)
	}
	if len(d.metadata) != len(want.metadata) {
		t.Errorf("metadata: got %q, want %q", d.metadata, want.metadata)
	}
	for key, value := range want.metadata {
		if d.metadata[key] != value {
			t.Errorf("metadata %q: got %q, want %q", key, d.metadata[key], value)
		}
	}
}

func sameAddresses(t *testing.T, what string, got, want []mailer.Address) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// lf writes line ends as a text on standard input has them.
func lf(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
