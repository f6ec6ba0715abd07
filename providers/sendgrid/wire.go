package sendgrid

import (
	"fmt"
	"reflect"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/sendgrid/sendgrid-go/helpers/mail"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// body is a message as POST /v3/mail/send takes it, with the memory that it needs.
type body struct {
	*httpapi.Spliced

	msg     *mailer.Message
	sent    *mailer.Message // as Send was given it: events and logs know it by that
	options Options
	cfg     *Config
	// sandbox: 200 is an acceptance.
	sandbox bool

	mail            mail.SGMailV3
	personalization mail.Personalization
	one             [1]*mail.Personalization

	memory
}

// memory is what one body leaves to the next.
type memory struct {
	emails        []mail.Email
	refs          []*mail.Email
	forms         []mail.Content
	formRefs      []*mail.Content
	headers, args map[string]string
	seen          apimail.NameSet
	inserts       []httpapi.Insert
	json          jsonWriter
}

var _ httpapi.Body = (*body)(nil)

var bodies = sync.Pool{New: func() any {
	return &body{memory: memory{headers: make(map[string]string), args: make(map[string]string)}}
}}

// encode writes m down, which is the same message as sent, or that one parsed. The error wraps [mailer.ErrUnsupported] where SendGrid cannot carry what
// m asks for. The contents of attachments are read while the body is written, those of
// Alternatives now. The body is released when it is of no further use.
func encode(m, sent *mailer.Message, cfg *Config) (*body, error) {
	b, _ := bodies.Get().(*body)
	b.msg, b.sent, b.cfg = m, sent, cfg
	if err := b.build(); err != nil {
		b.Release()
		return nil, err
	}
	return b, nil
}

func (b *body) build() (err error) {
	if b.options, err = optionsOf(b.msg); err != nil {
		return err
	}
	if err := b.options.check(); err != nil {
		return err
	}
	b.sandbox = b.cfg.Sandbox || b.options.Sandbox
	b.one[0] = &b.personalization
	b.mail.Personalizations = b.one[:]
	if err := apimail.CheckSize(b.msg, maxMessageBytes); err != nil {
		return err
	}
	for _, step := range [...]func(*body) error{
		(*body).addresses, (*body).template, (*body).contents, (*body).attachments,
		(*body).fields, (*body).customArgs, (*body).schedule, (*body).settings,
	} {
		if err := step(b); err != nil {
			return err
		}
	}
	b.mail.Categories, _ = categories(b.msg.Tags)
	return b.splice()
}

// splice makes the JSON and puts in the contents of attachments.
func (b *body) splice() (err error) {
	text, err := b.json.message(&b.mail)
	if err != nil {
		// Only what the caller put into Template.Data can fail, and the cause may repeat it.
		return fmt.Errorf("%w: Template.Data has a value that JSON cannot express", mailer.ErrInvalidMessage)
	}
	// After JSON was made of it: so it has no cycles, and what wrote itself can be seen.
	if t := b.msg.Template; t != nil && (!isUTF8(reflect.ValueOf(t.Data)) || !utf8.Valid(text)) {
		return notUTF8("Template.Data")
	}
	if b.Spliced, err = httpapi.Splice(text, b.inserts); err != nil {
		return err
	}
	if size := b.Size(); size > maxMessageBytes {
		return apimail.Unsupported("the request has %d bytes, more than %d", size, int64(maxMessageBytes))
	}
	return nil
}

// What is larger is left to the garbage collector.
const (
	maxPooledBytes = 64 << 10
	maxPooledItems = 64 // addresses, bodies, attachments, or fields
)

// Release lets a later encode use b's memory again.
func (b *body) Release() {
	if b.Spliced != nil {
		b.Spliced.Release()
	}
	if b.memory.isLarge() {
		return
	}
	b.memory.clear()
	*b = body{memory: b.memory}
	bodies.Put(b)
}

func (m *memory) isLarge() bool {
	text, keys := m.json.Room()
	return text > maxPooledBytes || len(m.headers)+len(m.args) > maxPooledItems ||
		cap(m.emails)+cap(m.forms)+cap(m.inserts)+keys > maxPooledItems
}

// clear lets go of all that the memory held.
func (m *memory) clear() {
	clear(m.emails)
	clear(m.refs)
	clear(m.forms)
	clear(m.formRefs)
	clear(m.headers)
	clear(m.args)
	clear(m.inserts)
	m.seen.Reset(0)
	m.json.Reset()
	*m = memory{
		emails: m.emails[:0], refs: m.refs[:0], forms: m.forms[:0], formRefs: m.formRefs[:0],
		headers: m.headers, args: m.args, seen: m.seen, inserts: m.inserts[:0],
		json: m.json,
	}
}

// maxAhead is how far ahead a message can be scheduled.
const maxAhead = 72 * time.Hour

// schedule leaves out a time that has passed, which means the same as none.
func (b *body) schedule() error {
	at := b.msg.SendAt
	if at.IsZero() {
		return nil // without a look at the clock
	}
	switch ahead := time.Until(at); {
	case ahead <= 0:
		return nil
	case ahead > maxAhead:
		return apimail.Unsupported("SendAt is more than 72 hours ahead")
	}
	b.mail.SendAt = int(at.Unix())
	return nil
}

// isDynamic reports whether m has a template of the kind that replaces the whole body.
func isDynamic(m *mailer.Message) bool {
	return m.Template != nil && len(m.Template.ID) > 2 && m.Template.ID[:2] == "d-"
}

// The lower of the limits that the documentation names: 10,000 bytes in the specification, and 150
// items in the page about errors.
const (
	maxSubstitutions      = 150
	maxSubstitutionsBytes = 10_000
)

// template fills in a template, and the subject: a dynamic one has its own, which only
// that of the personalization replaces.
func (b *body) template() error {
	m, t := b.msg, b.msg.Template
	p := &b.personalization
	p.Substitutions = b.options.Substitutions
	switch {
	case t == nil && m.Subject == "":
		return apimail.Unsupported("a message without a Subject")
	case t == nil:
		b.mail.Subject = m.Subject
		return b.checkSubstitutions(p.Substitutions)
	case t.Version != "":
		return apimail.Unsupported("Template.Version: the active one is always taken")
	case len(b.options.Substitutions) > 0:
		return apimail.Unsupported("Substitutions together with a Template, which has Data")
	}
	b.mail.TemplateID = t.ID
	if isDynamic(m) {
		p.Subject, p.DynamicTemplateData = m.Subject, t.Data
		return nil
	}
	b.mail.Subject = m.Subject
	p.Substitutions = make(map[string]string, len(t.Data))
	for name, value := range t.Data {
		s, ok := value.(string)
		if !ok {
			return apimail.Unsupported("Template.Data has a value that is a %T: a legacy template takes strings", value)
		}
		p.Substitutions[name] = s
	}
	return b.checkSubstitutions(p.Substitutions)
}

func (b *body) checkSubstitutions(all map[string]string) error {
	if len(all) > maxSubstitutions || b.json.Exceeds(all, maxSubstitutionsBytes) {
		return apimail.Unsupported("more than %d substitutions, or more than %d bytes of them", maxSubstitutions, maxSubstitutionsBytes)
	}
	return nil
}
