package mailguntest

import (
	"slices"
	"strings"
)

// An endpoint is what one of the two ways to send takes besides o:, h: and v: parameters.
type endpoint struct {
	name                  string
	once, repeated, files []string
}

var (
	messagesEndpoint = endpoint{
		name: "messages",
		once: []string{
			"from", "subject", "text", "html", "amp-html",
			"template", "t:version", "t:text", "t:variables", "recipient-variables",
		},
		repeated: []string{"to", "cc", "bcc"},
		files:    []string{"attachment", "inline"},
	}
	mimeEndpoint = endpoint{
		name:     "messages.mime",
		once:     []string{"template", "t:version", "t:text", "t:variables", "recipient-variables"},
		repeated: []string{"to"},
		files:    []string{"message"},
	}
)

// check makes sure that every part is one that the endpoint takes. Unverified: the service's own
// description has "additionalProperties: true", and says nothing of parts that come twice.
func (e endpoint) check(f *form) error {
	if e.name == mimeEndpoint.name && !f.multipart && len(f.fields) > 0 {
		return refuse("Expecting 'multipart/form-data' content type")
	}
	seen := make(map[string]bool)
	for _, p := range f.fields {
		switch {
		case slices.Contains(e.files, p.name):
			f.flaws = append(f.flaws, p.name+" has no filename and is dropped")
		case !e.takes(p.name):
			return refuse("%.80s parameter is not known", p.name)
		case seen[p.name] && !e.takesMany(p.name):
			return refuse("%.80s parameter may come once only", p.name)
		}
		seen[p.name] = true
	}
	for _, p := range f.files {
		if !slices.Contains(e.files, p.field) {
			return refuse("%.80s parameter may not be a file, or is not known", p.field)
		}
	}
	return nil
}

func (e endpoint) takes(name string) bool {
	if prefix, rest, ok := strings.Cut(name, ":"); ok && rest != "" && (prefix == "h" || prefix == "v") {
		return true
	}
	option, ok := strings.CutPrefix(name, "o:")
	return e.takesMany(name) || slices.Contains(e.once, name) || ok && options[option] != nil
}

func (e endpoint) takesMany(name string) bool {
	return name == "o:tag" || strings.HasPrefix(name, "h:") || slices.Contains(e.repeated, name)
}
