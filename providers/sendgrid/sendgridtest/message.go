package sendgridtest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"
)

// A Message is one personalization of a request, as the service understood it: what
// stands at the top and what stands in the personalization are merged.
type Message struct {
	// ID is what X-Message-Id said; all personalizations of a request have the same.
	ID string
	// Index is the place of the personalization in the request, from zero.
	Index        int
	From         Address
	To, Cc, Bcc  []Address
	ReplyTo      []Address
	Subject      string
	Contents     []Content
	Attachments  []Attachment
	Headers      map[string]string
	Categories   []string
	CustomArgs   map[string]string
	SendAt       time.Time // zero: at once
	BatchID      string
	TemplateID   string
	TemplateData map[string]any
	// Substitutions are for templates of the old kind.
	Substitutions map[string]string
	// Rest holds sections, asm, ip_pool_name, mail_settings and tracking_settings as they
	// came, of map[string]any, []any, string, json.Number and bool.
	Rest map[string]any
	// Sandbox says that the message was only checked.
	Sandbox bool
	// Time is when the request came.
	Time time.Time
}

// An Address is an address with a name, without the quotes that clients put around it.
type Address struct{ Email, Name string }

// A Content is a body.
type Content struct{ Type, Value string }

// An Attachment is a file, decoded.
type Attachment struct {
	Filename, Type string
	// Disposition is "attachment" or "inline", the first where the request says nothing.
	Disposition, ContentID string
	Content                []byte
}

// Recipients returns the addresses of To, Cc and Bcc.
func (m *Message) Recipients() []string {
	var all []string
	for _, list := range [][]Address{m.To, m.Cc, m.Bcc} {
		for _, a := range list {
			all = append(all, a.Email)
		}
	}
	return all
}

// Header returns the header of that name, in whatever case, and "" where there is none.
func (m *Message) Header(name string) string {
	for key, value := range m.Headers {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// An object is a JSON object that has its shape.
type object map[string]any

func (o object) text(name string) string {
	s, _ := o[name].(string) // absent: empty
	return s
}

func (o object) object(name string) object {
	m, _ := o[name].(map[string]any) // absent: empty
	return m
}

func (o object) objects(name string) []object {
	items, _ := o[name].([]any) // absent: empty
	all := make([]object, 0, len(items))
	for _, item := range items {
		m, _ := item.(map[string]any)
		all = append(all, m)
	}
	return all
}

// enabled reports whether the setting of that name is on.
func (o object) enabled(name string) bool {
	on, _ := o.object(name)["enable"].(bool)
	return on
}

func (o object) texts(name string) map[string]string {
	all := make(map[string]string)
	for key, v := range o.object(name) {
		all[key], _ = v.(string)
	}
	return all
}

func (o object) time(name string) (time.Time, bool) {
	n, ok := o[name].(json.Number)
	if !ok {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseInt(n.String(), 10, 64)
	return time.Unix(seconds, 0), err == nil
}

// messages returns what a valid request asks to send.
func messages(root object, id string, now time.Time) []Message {
	common := Message{
		ID: id, Time: now, From: root.address("from"), ReplyTo: root.addresses("reply_to_list"),
		Contents: contents(root), Attachments: attachments(root), Categories: root.categories(),
		BatchID: root.text("batch_id"), TemplateID: root.text("template_id"), Rest: rest(root),
		Sandbox: root.object("mail_settings").enabled("sandbox_mode"),
	}
	if _, ok := root["reply_to"]; ok {
		common.ReplyTo = []Address{root.address("reply_to")}
	}
	var all []Message
	for i, p := range root.objects("personalizations") {
		m := common
		m.Index = i
		m.personalize(root, p)
		all = append(all, m)
	}
	return all
}

// personalize fills in what a personalization can say for itself.
func (m *Message) personalize(root, p object) {
	if _, ok := p["from"]; ok {
		m.From = p.address("from")
	}
	m.To, m.Cc, m.Bcc = p.addresses("to"), p.addresses("cc"), p.addresses("bcc")
	m.Subject = p.text("subject")
	if m.Subject == "" {
		m.Subject = root.text("subject")
	}
	m.Headers = mergedHeaders(root, p)
	m.CustomArgs = merged(root, p, "custom_args")
	m.Substitutions = p.texts("substitutions")
	m.TemplateData = p.object("dynamic_template_data")
	at, ok := p.time("send_at")
	if !ok {
		at, ok = root.time("send_at")
	}
	if ok && at.After(m.Time) {
		m.SendAt = at
	}
}

// merged returns the texts of both, those of the personalization winning.
func merged(root, p object, name string) map[string]string {
	all := root.texts(name)
	maps.Copy(all, p.texts(name))
	return all
}

// mergedHeaders is merged for names whose case does not matter.
func mergedHeaders(root, p object) map[string]string {
	all, own := root.texts("headers"), p.texts("headers")
	maps.DeleteFunc(all, func(name, _ string) bool {
		for other := range own {
			if strings.EqualFold(name, other) {
				return true
			}
		}
		return false
	})
	maps.Copy(all, own)
	return all
}

func (o object) address(name string) Address {
	a := o.object(name)
	return Address{Email: a.text("email"), Name: unquote(a.text("name"))}
}

func (o object) addresses(name string) []Address {
	var all []Address
	for _, a := range o.objects(name) {
		all = append(all, Address{Email: a.text("email"), Name: unquote(a.text("name"))})
	}
	return all
}

func (o object) categories() []string {
	var all []string
	items, _ := o["categories"].([]any)
	for _, item := range items {
		s, _ := item.(string)
		all = append(all, s)
	}
	return all
}

func contents(root object) []Content {
	var all []Content
	for _, c := range root.objects("content") {
		all = append(all, Content{c.text("type"), c.text("value")})
	}
	return all
}

func attachments(root object) []Attachment {
	var all []Attachment
	for _, a := range root.objects("attachments") {
		content, _ := base64.StdEncoding.DecodeString(a.text("content")) // was found valid
		disposition := a.text("disposition")
		if disposition == "" {
			disposition = "attachment"
		}
		all = append(all, Attachment{a.text("filename"), a.text("type"), disposition, a.text("content_id"), content})
	}
	return all
}

func rest(root object) map[string]any {
	all := make(map[string]any)
	for _, name := range []string{"sections", "asm", "ip_pool_name", "mail_settings", "tracking_settings"} {
		if v, ok := root[name]; ok {
			all[name] = v
		}
	}
	return all
}

// unquote returns the text of a complete quoted-string (RFC 5322 section 3.2.4), which is how
// the vendor's client libraries pass names with commas; anything else as it is.
func unquote(name string) string {
	if text, ok := quotedText(name); ok {
		return text
	}
	return name
}

// quotedText returns what a complete quoted-string says.
func quotedText(s string) (text string, ok bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	var b strings.Builder
	inner := s[1 : len(s)-1]
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '"':
			return "", false
		case '\\':
			if i++; i == len(inner) {
				return "", false
			}
		}
		b.WriteByte(inner[i])
	}
	return b.String(), true
}
