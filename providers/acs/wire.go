package acs

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/jsontext"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// body is a message as POST /emails:send takes it (EmailMessage of the API's description), with
// the memory that it needs.
type body struct {
	*httpapi.Spliced
	reader *httpapi.SplicedReader
	msg    *mailer.Message
	cfg    *Config
	memory
}

// memory is what one body leaves to the next.
type memory struct {
	json    jsontext.Writer
	seen    apimail.NameSet
	inserts []httpapi.Insert
}

var bodies = sync.Pool{New: func() any { return new(body) }}

// encode writes m down. The error wraps [mailer.ErrUnsupported] where the service cannot carry what m
// asks for. The contents of attachments are read while the body is. The body is released
// when it is of no further use.
func encode(m *mailer.Message, cfg *Config) (*body, error) {
	b, _ := bodies.Get().(*body)
	b.msg, b.cfg = m, cfg
	if err := b.build(); err != nil {
		b.Release()
		return nil, err
	}
	return b, nil
}

func (b *body) build() error {
	if err := apimail.CheckSize(b.msg, b.cfg.MaxRequestBytes); err != nil {
		return err
	}
	b.json.Begin('{')
	b.json.String("senderAddress", b.msg.From.Address)
	for _, step := range [...]func(*body) error{
		(*body).content, (*body).recipients, (*body).attachments, (*body).fields,
	} {
		if err := step(b); err != nil {
			return err
		}
	}
	if off := isUntracked(b.msg); off {
		b.json.Bool("userEngagementTrackingDisabled", &off)
	}
	b.json.End('}')
	return b.splice()
}

// splice puts in the contents of attachments.
func (b *body) splice() error {
	text, err := b.json.Bytes()
	if err != nil {
		return err
	}
	if b.Spliced, err = httpapi.Splice(text, b.inserts); err != nil {
		return err
	}
	if size := b.Size(); size > b.cfg.MaxRequestBytes {
		return apimail.Unsupported("the request has %d bytes, more than %d", size, b.cfg.MaxRequestBytes)
	}
	b.reader = b.Reader()
	return nil
}

// What is larger is left to the garbage collector.
const (
	maxPooledBytes = 64 << 10
	maxPooledItems = 64
)

// Release lets a later encode use b's memory again.
func (b *body) Release() {
	if b.reader != nil {
		b.reader.Release()
	}
	if b.Spliced != nil {
		b.Spliced.Release()
	}
	text, _ := b.json.Room()
	if text > maxPooledBytes || cap(b.inserts) > maxPooledItems {
		return
	}
	b.json.Reset()
	b.seen.Reset(0)
	clear(b.inserts)
	*b = body{memory: memory{json: b.json, seen: b.seen, inserts: b.inserts[:0]}}
	bodies.Put(b)
}

func (b *body) content() error {
	m := b.msg
	switch {
	case isBlank(m.Subject):
		return apimail.Unsupported("a message without a Subject")
	case isBlank(m.Text) && isBlank(m.HTML):
		return apimail.Unsupported("a message without a body")
	}
	if err := checkLine("Subject", m.Subject); err != nil {
		return err
	}
	b.json.Name("content")
	b.json.Begin('{')
	b.json.String("subject", m.Subject)
	b.json.BodyText("plainText", m.Text)
	b.json.BodyText("html", m.HTML)
	b.json.End('}')
	return nil
}

// isBlank: Microsoft's own clients take that for nothing. UNVERIFIED: whether the service does.
func isBlank(s string) bool { return strings.TrimSpace(s) == "" }

// recipients fills in who gets it, and whom they answer. Each address of the envelope stands once, in its
// first place: local parts that differ in case are two (RFC 5321 section 2.4).
func (b *body) recipients() error {
	m := b.msg
	if len(m.To) == 0 {
		return apimail.Unsupported("a message without To recipients")
	}
	b.json.Name("recipients")
	b.json.Begin('{')
	left := b.addresses("to", m.To, m.Recipients())
	left = b.addresses("cc", m.Cc, left)
	b.addresses("bcc", m.Bcc, left)
	b.json.End('}')
	b.replyTo()
	return nil
}

// addresses writes those of the list that come next in envelope, if there are any, and returns what is left of it.
func (b *body) addresses(name string, list []mailer.Address, envelope []string) []string {
	begun := false
	for i := range list {
		if len(envelope) == 0 || list[i].Address != envelope[0] {
			continue // it stands before
		}
		envelope = envelope[1:]
		if !begun {
			b.json.Name(name)
			b.json.Begin('[')
			begun = true
		}
		b.address(&list[i])
	}
	if begun {
		b.json.End(']')
	}
	return envelope
}

func (b *body) address(a *mailer.Address) {
	b.json.Begin('{')
	b.json.String("address", a.Address)
	b.json.String("displayName", a.Name)
	b.json.End('}')
}

func (b *body) replyTo() {
	if len(b.msg.ReplyTo) == 0 {
		return
	}
	b.json.Name("replyTo")
	b.json.Begin('[')
	for i := range b.msg.ReplyTo {
		b.address(&b.msg.ReplyTo[i])
	}
	b.json.End(']')
}

// unnamed is the file name of an attachment without one, since the service asks for one. The
// extension is added.
const unnamed = "attachment"

// attachments fills in everything but the contents, for which there are markers.
func (b *body) attachments() error {
	list := b.msg.Attachments
	if len(list) == 0 {
		return nil
	}
	ids, token := b.seen.Reset(len(list)), rand.Text()
	b.json.Name("attachments")
	b.json.Begin('[')
	for i := range list {
		if err := b.attachment(&list[i], ids, token+"-"+strconv.Itoa(i)+"-"); err != nil {
			return fmt.Errorf("%w (Attachments[%d])", err, i)
		}
		b.inserts[i].Label = "Attachments[" + strconv.Itoa(i) + "]"
	}
	b.json.End(']')
	return nil
}

func (b *body) attachment(a *mailer.Attachment, ids *apimail.NameSet, marker string) error {
	kind, name, err := apimail.FileOf(a)
	switch {
	case err != nil:
		return err
	case a.ContentID != "" && !ids.Add(a.ContentID):
		return apimail.Unsupported("a ContentID that another attachment has")
	}
	if name == "" {
		name = unnamed + extensions[listedType(kind)]
	}
	if kind, err = b.checkedType(name, kind); err != nil {
		return err
	}
	size, err := a.Content.Size()
	switch {
	case err != nil:
		return apimail.SourceError(err)
	case size == 0: // contentInBase64 is required
		return apimail.Unsupported("an empty attachment")
	}
	for _, text := range [...]string{name, a.ContentID} {
		if err := checkLine("a name", text); err != nil {
			return err
		}
	}
	b.json.Begin('{')
	b.json.String("name", name)
	b.json.String("contentType", kind)
	b.json.String("contentInBase64", marker)
	b.json.String("contentId", a.ContentID)
	b.json.End('}')
	b.inserts = append(b.inserts, httpapi.Insert{Marker: marker, Content: a.Content})
	return nil
}

// checkedType returns the service's own name for a media type that it takes.
func (b *body) checkedType(name, kind string) (string, error) {
	if b.cfg.AnyAttachmentType {
		return kind, nil
	}
	if err := checkType(name, kind); err != nil {
		return "", fmt.Errorf("%w: %w", mailer.ErrUnsupported, err)
	}
	return listedType(kind), nil
}

// Control fields steer the service, and reach nobody ("Email headers" in Microsoft's documentation).
const (
	controlPrefix = "x-ms-acsemail-"
	guardField    = controlPrefix + "validate-message-id"
)

// fields fills in the header fields, each of which can stand once.
func (b *body) fields() error {
	m := b.msg
	extra := eml.ExtraFields(m)
	seen := b.seen.Reset(1 + len(m.Headers) + len(extra))
	b.json.Name("headers")
	b.json.Begin('{')
	seen.Add("Message-ID")
	b.json.Pair("Message-ID", m.MessageID)
	if b.cfg.GuardMessageID {
		b.json.Pair(guardField, "true")
	}
	for _, list := range [][]mailer.HeaderField{m.Headers, extra} {
		for i := range list {
			if err := b.field(&list[i], seen); err != nil {
				return err
			}
		}
	}
	b.json.End('}')
	return nil
}

func (b *body) field(f *mailer.HeaderField, seen *apimail.NameSet) error {
	switch {
	case len(f.Name) >= len(controlPrefix) && strings.EqualFold(f.Name[:len(controlPrefix)], controlPrefix):
		return apimail.Unsupported("the header field %q, which would steer the service", f.Name)
	case !seen.Add(f.Name):
		return apimail.Unsupported("the header field %q more than once", f.Name)
	}
	for _, text := range [...]string{f.Name, f.Value} {
		if err := checkLine("a header field", text); err != nil {
			return err
		}
	}
	b.json.Pair(f.Name, f.Value)
	return nil
}

// checkLine refuses what would begin another header field, in a message that was changed since Prepare.
func checkLine(what, s string) error {
	if strings.ContainsAny(s, "\r\n\x00") {
		return fmt.Errorf("%w: %s has a line end", mailer.ErrInvalidMessage, what)
	}
	return nil
}

// isUntracked: the service has one switch for both kinds of tracking, and only for turning them
// off. Where m wants one of them off, both are: it is about privacy.
func isUntracked(m *mailer.Message) bool {
	return m.TrackOpens == mailer.Off || m.TrackClicks == mailer.Off
}
