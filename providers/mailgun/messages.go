package mailgun

import (
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// checkTogether refuses what a template or RecipientVariables exclude, so that nothing of the
// message is lost on the way through the endpoint that they need.
func checkTogether(m *mailer.Message, o *Options) error {
	batch := o.RecipientVariables != nil
	if !batch && m.Template == nil {
		if o.TemplateText {
			return unsupported("mailgun.Options: TemplateText needs a Template")
		}
		return nil
	}
	switch {
	case mailer.Needs(m)&mailer.FeatureEnvelope != 0:
		return unsupported("a message with a Template or RecipientVariables goes to all that its header shows, not to some of them")
	case !m.Raw.IsZero():
		return unsupported("Raw cannot go with RecipientVariables")
	case len(m.To) == 0:
		return unsupported("a message with a Template or RecipientVariables needs somebody in To")
	case batch && len(m.Cc)+len(m.Bcc) > 0:
		return unsupported("a message with RecipientVariables has no Cc and Bcc: each would get a copy of every copy")
	case m.Template != nil && m.HTML != "":
		return unsupported("HTML is set beside Template, which makes it")
	case m.Template == nil && o.TemplateText:
		return unsupported("mailgun.Options: TemplateText needs a Template")
	case m.Template == nil && m.Text == "" && m.HTML == "" && len(m.Alternatives) == 0:
		return unsupported("a message with RecipientVariables needs a body")
	}
	return nil
}

// partsOfMessage gives the message as parts, of which Mailgun makes it.
func (e *encoder) partsOfMessage() error {
	m := e.m
	e.field("from", mailbox(m.From))
	each := perField(len(m.To) + len(m.Cc) + len(m.Bcc))
	e.mailboxes("to", m.To, each)
	e.mailboxes("cc", m.Cc, each)
	e.mailboxes("bcc", m.Bcc, each)
	if m.Subject != "" || m.Template == nil { // a template may have one
		e.field("subject", m.Subject)
	}
	for _, step := range [...]func() error{e.header, e.bodies, e.files, e.template, e.recipientVariables} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) mailboxes(name string, list []mailer.Address, each int) {
	e.list(name, len(list), each, func(i int) string { return mailbox(list[i]) })
}

// mailbox writes an address of RFC 5322 section 3.4 with its name in UTF-8, as RFC 6532
// has it: the value of a form is text, which Mailgun encodes.
func mailbox(a mailer.Address) string {
	if a.Name == "" {
		return a.Address
	}
	b := make([]byte, 0, len(a.Name)+len(a.Address)+8)
	b = appendEscaped(append(b, '"'), a.Name)
	b = append(append(append(b, `" <`...), a.Address...), '>')
	return string(b)
}

// header adds the header fields but Date, which Mailgun sets.
func (e *encoder) header() error {
	m := e.m
	e.field("h:Message-Id", m.MessageID)
	if m.Sender != (mailer.Address{}) && m.Sender != m.From {
		e.field("h:Sender", mailbox(m.Sender))
	}
	if len(m.ReplyTo) > 0 {
		all := make([]string, len(m.ReplyTo))
		for i := range m.ReplyTo {
			all[i] = mailbox(m.ReplyTo[i])
		}
		e.field("h:Reply-To", strings.Join(all, ", "))
	}
	seen := make(map[string]bool, len(m.Headers))
	for i, f := range slices.Concat(m.Headers, eml.ExtraFields(m)) {
		name := strings.ToLower(f.Name)
		switch {
		case !isPartName(f.Name):
			return unsupported("Headers[%d] has a name that cannot be carried beside a Template or RecipientVariables", i)
		case seen[name]:
			return unsupported("Headers[%d] has the name of another, of which one is carried beside a Template or RecipientVariables", i)
		}
		seen[name] = true
		e.field("h:"+f.Name, f.Value)
	}
	return nil
}

func (e *encoder) bodies() error {
	if e.m.Text != "" {
		e.text("text", e.m.Text)
	}
	if e.m.HTML != "" {
		e.text("html", e.m.HTML)
	}
	for i := range e.m.Alternatives {
		a := &e.m.Alternatives[i]
		if i > 0 || !isAMP(a.ContentType) {
			return unsupported("Alternatives[%d] cannot be carried beside a Template or RecipientVariables: one of text/x-amp-html can", i)
		}
		e.amp("Alternatives[0]", a.Content)
	}
	return nil
}

// isAMP reports whether the type is that of AMP in the charset of forms.
func isAMP(contentType string) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	charset, has := params["charset"]
	return err == nil && kind == "text/x-amp-html" && (!has || strings.EqualFold(charset, "utf-8"))
}

// files adds the attachments. A file without a name would be dropped in silence, and gets
// one; an inline file is known by its name alone, which is therefore its Content-ID.
func (e *encoder) files() error {
	for i := range e.m.Attachments {
		a := &e.m.Attachments[i]
		label := fmt.Sprintf("Attachments[%d]", i)
		name, kind := a.Name, "attachment"
		if a.ContentID != "" {
			name, kind = a.ContentID, "inline"
		}
		switch {
		case name == "":
			name = fmt.Sprintf("attachment%d", i+1)
		case kind == "inline" && strings.Contains(name, "/"):
			return unsupported("%s has a ContentID with a slash, which cannot be the name of a file", label)
		}
		e.file(kind, name, a.ContentType, label, a.Content)
	}
	return nil
}

func (e *encoder) template() error {
	t := e.m.Template
	if t == nil {
		return nil
	}
	e.field("template", t.ID)
	e.given("t:version", t.Version)
	if e.o.TemplateText {
		e.field("t:text", "yes")
	}
	if len(t.Data) == 0 {
		return nil
	}
	data, err := toJSON("Template.Data", t.Data)
	e.lines("t:variables", data)
	return err
}

// recipientVariables gives every recipient a key, with or without values.
func (e *encoder) recipientVariables() error {
	given := e.o.RecipientVariables
	if given == nil {
		return nil
	}
	variables := make(map[string]map[string]any, len(given))
	canonical := make(map[string]string, len(given))
	for _, address := range e.m.Recipients() {
		variables[address] = map[string]any{}
		canonical[foldDomain(address)] = address
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		parsed, err := mailer.Addresses(key)
		if err != nil || len(parsed) != 1 {
			return unsupported("mailgun.Options: RecipientVariables has a key that is not an address")
		}
		address, known := canonical[foldDomain(parsed[0].Address)]
		switch {
		case !known:
			return unsupported("mailgun.Options: RecipientVariables has a key that is not an address of To")
		case len(variables[address]) > 0:
			return unsupported("mailgun.Options: RecipientVariables has one address twice")
		case given[key] != nil:
			variables[address] = given[key]
		}
	}
	data, err := toJSON("RecipientVariables", variables)
	e.lines("recipient-variables", data)
	return err
}

// foldDomain returns an address by which others are found that differ in the case of the domain.
func foldDomain(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	return local + "@" + strings.ToLower(domain)
}
