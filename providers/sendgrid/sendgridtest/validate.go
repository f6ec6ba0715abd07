package sendgridtest

import (
	"fmt"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A validator applies the rules that are not about the shape of a request.
type validator struct {
	problems
	root       object
	now        time.Time
	knowsBatch func(string) bool
}

func (v *validator) validate() {
	v.address("from", v.root.object("from"))
	v.replyTo()
	v.recipients()
	v.subjects()
	v.contents()
	v.attachments()
	v.template()
	v.headers("headers", v.root)
	v.categories()
	v.customArgs()
	v.schedule()
	v.mailSettings()
	for i, p := range v.root.objects("personalizations") {
		v.override(join("personalizations", strconv.Itoa(i)), p)
	}
}

// override looks at what a personalization says for itself.
func (v *validator) override(path string, p object) {
	v.headers(join(path, "headers"), p)
	v.substitutions(path, p)
	v.sendAt(join(path, "send_at"), p)
	from, ok := p["from"].(map[string]any)
	if !ok {
		return
	}
	field := join(path, "from")
	v.address(field, from)
	if !strings.EqualFold(domain(object(from).text("email")), domain(v.root.object("from").text("email"))) {
		v.add(join(field, "email"), "the domain differs from that of the from field at the top")
	}
}

// address wants a bare address in ASCII. That addresses other than From cannot have other
// characters is unverified; the service has no SMTPUTF8.
func (v *validator) address(path string, a object) {
	email := a.text("email")
	parsed, err := mail.ParseAddress("<" + email + ">")
	if err != nil || parsed.Address != email || !isASCII(email) {
		v.add(join(path, "email"), "%s does not contain a valid address", join(path, "email"))
	}
	if hasControl(a.text("name")) {
		v.add(join(path, "name"), "%s contains a line break", join(path, "name"))
	}
}

func (v *validator) replyTo() {
	_, one := v.root["reply_to"]
	_, many := v.root["reply_to_list"]
	if one && many {
		v.add("reply_to_list", "reply_to and reply_to_list exclude each other")
	}
	if one {
		v.address("reply_to", v.root.object("reply_to"))
	}
	seen := make(map[string]bool)
	for i, a := range v.root.objects("reply_to_list") {
		path := join("reply_to_list", strconv.Itoa(i))
		v.address(path, a)
		v.unique(path, a, seen)
	}
}

// unique refuses an address that was seen before, in whatever case.
func (v *validator) unique(path string, a object, seen map[string]bool) {
	email := strings.ToLower(a.text("email"))
	if seen[email] {
		v.add(join(path, "email"), "the address is there more than once")
	}
	seen[email] = true
}

// maxRecipients is the limit for all lists of a request.
const maxRecipients = 1000

func (v *validator) recipients() {
	total := 0
	for i, p := range v.root.objects("personalizations") {
		seen := make(map[string]bool)
		for _, list := range []string{"to", "cc", "bcc"} {
			for j, a := range p.objects(list) {
				path := fmt.Sprintf("personalizations.%d.%s.%d", i, list, j)
				v.address(path, a)
				v.recipientName(path, a.text("name"))
				v.unique(path, a, seen)
				total++
			}
		}
	}
	if total > maxRecipients {
		v.add("personalizations", "%d recipients, more than %d", total, maxRecipients)
	}
}

// recipientName refuses the separators of lists, except within quotes.
func (v *validator) recipientName(path, name string) {
	if _, quoted := quotedText(name); !quoted && strings.ContainsAny(name, ",;") {
		v.add(join(path, "name"), "a name cannot contain a comma or a semicolon")
	}
}

// subjects wants one for each personalization, unless a template has it.
func (v *validator) subjects() {
	missing := v.root.text("subject") == "" && v.root.text("template_id") == ""
	v.subject("subject", v.root)
	for i, p := range v.root.objects("personalizations") {
		v.subject(fmt.Sprintf("personalizations.%d.subject", i), p)
		if missing && p.text("subject") == "" {
			v.add("subject", "a subject is required")
			missing = false // once is enough
		}
	}
}

func (v *validator) subject(path string, o object) {
	if hasControl(o.text("subject")) {
		v.add(path, "a subject cannot contain line breaks")
	}
}

// contents come in the order text/plain, text/html, others, the first two at most once.
func (v *validator) contents() {
	list := v.root.objects("content")
	if len(list) == 0 && v.root.text("template_id") == "" {
		v.add("content", "content is required")
	}
	least := 0
	for i, c := range list {
		path := join(join("content", strconv.Itoa(i)), "type")
		kind := strings.ToLower(c.text("type"))
		if !isMediaType(kind) {
			v.add(path, "not a plain media type")
		}
		rank := slices.Index([]string{"text/plain", "text/html"}, kind)
		switch {
		case rank < 0:
			least = 2
		case rank < least:
			v.add(path, "text/plain comes first, then text/html, then others, each once")
		default:
			least = rank + 1
		}
	}
}

// isMediaType reports whether s has the form type/subtype without parameters.
func isMediaType(s string) bool {
	first, second, ok := strings.Cut(s, "/")
	return ok && first != "" && second != "" && isASCII(s) && !strings.ContainsAny(s, ";, \r\n\t")
}

func (v *validator) template() {
	id := v.root.text("template_id")
	dynamic := strings.HasPrefix(id, "d-")
	for i, p := range v.root.objects("personalizations") {
		path := join("personalizations", strconv.Itoa(i))
		if _, ok := p["dynamic_template_data"]; ok && !dynamic {
			v.add(join(path, "dynamic_template_data"), "only for a template_id that begins with d-")
		}
		if len(p.object("substitutions")) > 0 && dynamic {
			v.add(join(path, "substitutions"), "not for a template_id that begins with d-")
		}
	}
}

func (v *validator) categories() {
	seen := make(map[string]bool)
	for i, c := range v.root.categories() {
		path := join("categories", strconv.Itoa(i))
		if !isASCII(c) {
			v.add(path, "a category has ASCII characters only")
		}
		if seen[c] {
			v.add(path, "the category is there more than once")
		}
		seen[c] = true
	}
}

func (v *validator) schedule() {
	v.sendAt("send_at", v.root)
	if id := v.root.text("batch_id"); v.root["batch_id"] != nil && !v.knowsBatch(id) {
		v.add("batch_id", "invalid batch id")
	}
}

func (v *validator) sendAt(path string, o object) {
	if at, ok := o.time("send_at"); ok && at.After(v.now.Add(72*time.Hour)) {
		v.add(path, "more than 72 hours ahead")
	}
}

func (v *validator) mailSettings() {
	settings := v.root.object("mail_settings")
	if !settings.enabled("bypass_list_management") {
		return
	}
	for _, other := range []string{"bypass_spam_management", "bypass_bounce_management", "bypass_unsubscribe_management"} {
		if settings.enabled(other) {
			v.add(join("mail_settings", other), "not together with bypass_list_management")
		}
	}
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// hasControl reports whether s has what would end or damage a header field.
func hasControl(s string) bool { return strings.ContainsAny(s, "\r\n\x00") }

func domain(email string) string { return email[strings.LastIndexByte(email, '@')+1:] }

// owns reports whether the account may send as email.
func (s *Server) owns(email string) bool {
	return len(s.cfg.VerifiedSenders) == 0 || slices.ContainsFunc(s.cfg.VerifiedSenders, func(verified string) bool {
		return strings.EqualFold(verified, email) || strings.EqualFold(verified, domain(email))
	})
}
