package sendgridtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

func (v *validator) attachments() {
	for i, a := range v.root.objects("attachments") {
		path := join("attachments", strconv.Itoa(i))
		content := a.text("content")
		// The decoder of the standard library skips line breaks.
		if _, err := base64.StdEncoding.Strict().DecodeString(content); err != nil || strings.ContainsAny(content, "\r\n") {
			v.add(join(path, "content"), "the content should be base64")
		}
		v.without(path, a, "filename", "\r\n;,")
		v.without(path, a, "type", "\r\n;,")
		v.without(path, a, "content_id", "\r\n;")
	}
}

func (v *validator) without(path string, o object, field, forbidden string) {
	if strings.ContainsAny(o.text(field), forbidden) {
		v.add(join(path, field), "the %s cannot contain any of %q", field, forbidden)
	}
}

// reservedHeaders are for the service to write.
func reservedHeaders() []string {
	return []string{
		"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding",
		"to", "from", "subject", "reply-to", "cc", "bcc",
	}
}

func (v *validator) headers(path string, o object) {
	seen := make(map[string]bool)
	headers := o.texts("headers")
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		field, lower := join(path, name), strings.ToLower(name)
		switch {
		case !isFieldName(name):
			v.add(field, "not the name of a header")
		case slices.Contains(reservedHeaders(), lower):
			v.add(field, "a reserved header")
		case seen[lower]:
			v.add(field, "the header is there more than once")
		case hasControl(headers[name]):
			v.add(field, "a header cannot contain line breaks")
		}
		seen[lower] = true
	}
}

// isFieldName reports whether s is one (RFC 5322 section 3.6.8).
func isFieldName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) < 0
}

const (
	maxCustomArgsBytes    = 10_000
	maxSubstitutionsBytes = 10_000
	maxSubstitutions      = 150
)

// customArgs bounds those of each personalization, merged with those at the top, in the
// JSON of them. What exactly the service counts is unverified.
func (v *validator) customArgs() {
	if size(v.root.texts("custom_args")) > maxCustomArgsBytes {
		v.add("custom_args", "more than %d bytes", maxCustomArgsBytes)
		return
	}
	for i, p := range v.root.objects("personalizations") {
		if size(merged(v.root, p, "custom_args")) > maxCustomArgsBytes {
			v.add(fmt.Sprintf("personalizations.%d.custom_args", i), "more than %d bytes", maxCustomArgsBytes)
		}
	}
}

func (v *validator) substitutions(path string, p object) {
	all := p.texts("substitutions")
	if len(all) > maxSubstitutions || size(all) > maxSubstitutionsBytes {
		v.add(join(path, "substitutions"), "more than %d, or more than %d bytes", maxSubstitutions, maxSubstitutionsBytes)
	}
}

// size is the length of m in JSON without needless escapes.
func size(m map[string]string) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		panic(err) // there is nothing in a map of texts that JSON has not
	}
	return b.Len() - len("\n")
}
