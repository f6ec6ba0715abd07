package sendgrid

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sendgrid/sendgrid-go/helpers/mail"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// contents fills in the bodies in the order that SendGrid wants: text/plain, text/html, others.
func (b *body) contents() error {
	m := b.msg
	if isDynamic(m) && (m.Text != "" || m.HTML != "" || len(m.Alternatives) > 0) {
		return apimail.Unsupported("Text, HTML or Alternatives together with a dynamic template, which replaces them")
	}
	if m.Text != "" {
		b.forms = append(b.forms, mail.Content{Type: "text/plain", Value: m.Text})
	}
	if m.HTML != "" {
		b.forms = append(b.forms, mail.Content{Type: "text/html", Value: m.HTML})
	}
	for i := range m.Alternatives {
		c, err := alternative(&m.Alternatives[i])
		if err != nil {
			return fmt.Errorf("%w (Alternatives[%d])", err, i)
		}
		b.forms = append(b.forms, c)
	}
	if len(b.forms) == 0 && m.Template == nil {
		return apimail.Unsupported("a message without a body")
	}
	for i := range b.forms {
		b.formRefs = append(b.formRefs, &b.forms[i])
	}
	b.mail.Content = b.formRefs
	return nil
}

// alternative reads a further form of the body, which JSON holds as text.
func alternative(a *mailer.Alternative) (mail.Content, error) {
	kind, name, err := apimail.BareType(a.ContentType)
	switch {
	case err != nil:
		return mail.Content{}, err
	case name != "":
		return mail.Content{}, apimail.Unsupported(`the parameter "name" of an alternative`)
	case !strings.HasPrefix(kind, "text/"):
		return mail.Content{}, apimail.Unsupported("an alternative that is not text")
	case kind == "text/plain" || kind == "text/html":
		return mail.Content{}, apimail.Unsupported("a second %s", kind)
	}
	text, err := readText(a.Content)
	if err != nil {
		return mail.Content{}, err
	}
	if text == "" {
		return mail.Content{}, apimail.Unsupported("an alternative without content")
	}
	return mail.Content{Type: kind, Value: text}, nil
}

func readText(c mailer.Content) (string, error) {
	size, err := apimail.SizeOf(c, maxMessageBytes)
	if err != nil {
		return "", err
	}
	src, err := c.Open()
	if err != nil {
		return "", apimail.SourceError(err)
	}
	var r exact.Reader
	r.Reset(src)
	var text strings.Builder
	text.Grow(int(size))
	err = exact.Blocks(&r, size, make([]byte, min(size+1, 32<<10)), func(block []byte) error {
		text.Write(block)
		return nil
	})
	switch {
	case err != nil:
		return "", apimail.SourceError(err)
	case !utf8.ValidString(text.String()):
		return "", apimail.Unsupported("an alternative that is not UTF-8")
	}
	return text.String(), nil
}

// unnamed is the file name of an attachment without one, since SendGrid asks for one.
const unnamed = "attachment"

// attachments fills in everything but the contents, for which there are markers.
func (b *body) attachments() error {
	list := b.msg.Attachments
	if len(list) == 0 {
		return nil
	}
	all := make([]mail.Attachment, len(list))
	b.mail.Attachments = make([]*mail.Attachment, len(list))
	token := rand.Text()
	for i := range list {
		if err := describe(&all[i], &list[i]); err != nil {
			return fmt.Errorf("%w (Attachments[%d])", err, i)
		}
		number := strconv.Itoa(i)
		all[i].Content = token + "-" + number + "-"
		b.mail.Attachments[i] = &all[i]
		b.inserts = append(b.inserts, httpapi.Insert{
			Marker: all[i].Content, Content: list[i].Content, Label: "Attachments[" + number + "]",
		})
	}
	return nil
}

// describe says what a is. The characters that are refused are those of the page about errors
// (message.attachments).
func describe(to *mail.Attachment, a *mailer.Attachment) (err error) {
	kind, name, err := apimail.FileOf(a)
	if err != nil {
		return err
	}
	size, err := apimail.SizeOf(a.Content, maxMessageBytes)
	switch {
	case err != nil:
		return err
	case size == 0:
		return apimail.Unsupported("an empty attachment")
	case strings.ContainsAny(name, ",;\r\n"):
		return apimail.Unsupported("a file name with a comma or a semicolon")
	case strings.ContainsAny(a.ContentID, ",;\r\n"):
		return apimail.Unsupported("a ContentID with a comma or a semicolon")
	}
	to.Type, to.Filename, to.ContentID, to.Disposition = kind, name, a.ContentID, "attachment"
	if name == "" {
		to.Filename = unnamed
	}
	if a.ContentID != "" {
		to.Disposition = "inline"
	}
	return nil
}
