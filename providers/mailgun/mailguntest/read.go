package mailguntest

import (
	"encoding/json"
	"net/mail"
	"slices"
	"strings"
)

// readForm reads what is particular to messages.
func (m *Message) readForm(f *form) error {
	if err := m.readSender(f); err != nil {
		return err
	}
	for _, list := range []struct {
		name string
		to   *[]mail.Address
	}{{"to", &m.To}, {"cc", &m.Cc}, {"bcc", &m.Bcc}} {
		var err error
		if *list.to, err = f.addresses(list.name); err != nil {
			return err
		}
	}
	if len(m.To) == 0 {
		return refuse("to parameter is missing")
	}
	if err := m.readContent(f); err != nil {
		return err
	}
	var err error
	m.Recipients, err = envelope(m.To, m.Cc, m.Bcc)
	return err
}

// readContent reads the subject, the bodies and the files.
func (m *Message) readContent(f *form) error {
	template := f.value("template")
	if !f.has("subject") && template == "" {
		return refuse("subject parameter is missing")
	}
	m.Subject, m.Text, m.HTML, m.AMPHTML = f.value("subject"), f.value("text"), f.value("html"), f.value("amp-html")
	m.Attachments, m.Inlines = f.takeFiles("attachment"), f.takeFiles("inline")
	for i := range m.Inlines {
		m.Inlines[i].ContentID = m.Inlines[i].Name
	}
	switch {
	case m.HTML != "" && template != "":
		return refuse("Only one parameters 'html' or 'template' is allowed.")
	case m.Text == "" && m.HTML == "" && m.AMPHTML == "" && template == "":
		return refuse("Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified.")
	}
	return nil
}

// readSender reads from, which a template may have instead.
func (m *Message) readSender(f *form) error {
	if f.value("from") == "" {
		if f.value("template") != "" {
			return nil
		}
		return refuse("from parameter is missing")
	}
	from, err := mail.ParseAddress(f.value("from"))
	if err != nil {
		return notAnAddress("from")
	}
	m.From = *from
	return nil
}

// readMIME reads what is particular to messages.mime.
func (m *Message) readMIME(f *form) error {
	to, err := f.addresses("to")
	if err != nil {
		return err
	}
	if len(to) == 0 {
		return refuse("to parameter is missing")
	}
	if m.Recipients, err = envelope(to); err != nil {
		return err
	}
	files := f.takeFiles("message")
	switch len(files) {
	case 0:
		return refuse("message parameter is missing")
	case 1:
		return m.parse(files[0].Data)
	}
	return refuse("message parameter may come once only")
}

// readOptions checks and reads what both endpoints take.
func (s *service) readOptions(m *Message, f *form) error {
	if err := s.checkOptions(f); err != nil {
		return err
	}
	var err error
	if m.DeliveryTime, err = s.deliveryTime(f); err != nil {
		return err
	}
	if err := m.readVariables(f); err != nil {
		return err
	}
	m.Tags, m.TestMode = f.values("o:tag"), f.value("o:testmode") == "yes"
	m.Template, m.TemplateVersion = f.value("template"), f.value("t:version")
	m.Options, m.Variables = named(withoutTags(f.prefixed("o:"))), named(f.prefixed("v:"))
	for _, h := range f.prefixed("h:") {
		m.Headers = append(m.Headers, Header{Name: h.name, Value: h.value})
	}
	if m.MessageID == "" {
		m.MessageID = strings.TrimSpace(m.Header("Message-Id"))
	}
	m.ReplyTo = addressHeader(m.Headers, "Reply-To")
	return nil
}

// readVariables reads the two parameters that are JSON objects.
func (m *Message) readVariables(f *form) error {
	if f.has("t:variables") && !parseObject(f.value("t:variables"), &m.TemplateVariables) {
		return refuse("'t:variables' parameter is not a valid JSON")
	}
	if f.has("recipient-variables") && !parseObject(f.value("recipient-variables"), &m.RecipientVariables) {
		return refuse("'recipient-variables' parameter is not a valid JSON")
	}
	for address := range m.RecipientVariables {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			return refuse("'recipient-variables' parameter is not a valid JSON: the key %.80q is not a plain address", address)
		}
	}
	return nil
}

// parseObject is strict about null, which would pass for an object.
func parseObject(s string, into any) bool {
	return strings.TrimSpace(s) != "null" && json.Unmarshal([]byte(s), into) == nil
}

// flaws are what the service takes and then does not deliver as the client means it.
func (m *Message) flaws(f *form) []string {
	var flaws []string
	if local, _, _ := strings.Cut(m.From.Address, "@"); !isASCII(local) {
		flaws = append(flaws, "from has a local part that is not ASCII, and is not delivered")
	}
	if m.MIME != nil && m.Header("Bcc") != "" {
		flaws = append(flaws, "the MIME has a Bcc header, which every recipient can read")
	}
	for _, v := range f.prefixed("v:") {
		if len(v.value) > 4<<10 {
			flaws = append(flaws, "v:"+v.name+" is longer than 4 KB, and cut in events")
		}
	}
	return flaws
}

// withoutTags leaves the o: parameters that come once only.
func withoutTags(options []field) []field {
	return slices.DeleteFunc(options, func(p field) bool { return p.name == "tag" })
}

// named makes fields a map; nil when there are none.
func named(fields []field) map[string]string {
	if len(fields) == 0 {
		return nil
	}
	values := make(map[string]string, len(fields))
	for _, p := range fields {
		values[p.name] = p.value
	}
	return values
}
