package acstest

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
)

// Headers that control the service ("Custom headers for Azure Email Communication Service").
const (
	ignoreDuplicateContentID  = "x-ms-acsemail-ignore-duplicate-content-id"
	suppressInvalidAttachment = "x-ms-acsemail-suppress-invalid-attachment"
	validateMessageID         = "x-ms-acsemail-validate-message-id"
	controlPrefix             = "x-ms-acsemail-"
)

// reservedHeaders are written by the service from the members of the body, or by the
// servers on the way. That it refuses them is UNVERIFIED.
func reservedHeaders() []string {
	return []string{
		"from", "sender", "to", "cc", "bcc", "reply-to", "subject", "mime-version", "content-type", "content-transfer-encoding",
		"content-disposition", "return-path", "received", "dkim-signature", "arc-seal", "authentication-results",
	}
}

// headers wants each name once, in whatever case. The rules about reserved names and about
// controls that are misspelled are UNVERIFIED.
func (b *body) headers(o *object) {
	b.Headers = make(map[string]string, len(o.members))
	seen := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		value, lower := o.text(name), strings.ToLower(name)
		b.Headers[name] = value
		switch {
		case !isFieldName(name):
			o.add(o.path+name, "%q is not the name of a header.", name)
		case seen[lower]:
			o.add(o.path+name, "The header %s is there more than once.", name)
		case hasControl(value):
			o.add(o.path+name, "The header %s has a line break.", name)
		case slices.Contains(reservedHeaders(), lower):
			o.add(o.path+name, "The header %s is for the service to write.", name)
		case strings.HasPrefix(lower, controlPrefix) && !isControl(lower, value):
			o.add(o.path+name, "The header %s is none that controls the service, or is neither true nor false.", name)
		}
		seen[lower] = true
	}
	if b.enabled(validateMessageID) && !isMessageID(b.Header("Message-ID")) {
		o.add(o.path+"Message-ID", "The Message-ID is not valid.")
	}
}

// isFieldName reports whether s is one (RFC 5322 section 3.6.8).
func isFieldName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) < 0
}

// isControl reports whether a header that begins with controlPrefix is known, and a boolean.
func isControl(lower, value string) bool {
	known := []string{ignoreDuplicateContentID, suppressInvalidAttachment, validateMessageID}
	return slices.Contains(known, lower) && (strings.EqualFold(value, "true") || strings.EqualFold(value, "false"))
}

// isMessageID reports whether s is a msg-id (RFC 2822 section 3.6.4) whose right side has a
// dot, as all examples of the documentation that it calls valid have.
func isMessageID(s string) bool {
	inner, opened := strings.CutPrefix(s, "<")
	inner, closed := strings.CutSuffix(inner, ">")
	left, right, ok := strings.Cut(inner, "@")
	return opened && closed && ok && isDotAtom(left) && isDotAtom(right) && strings.Contains(right, ".")
}

// isDotAtom reports whether s is a dot-atom-text (RFC 2822 section 3.2.4).
func isDotAtom(s string) bool {
	special := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>[]:;@\,"`, r) }
	return !slices.Contains(strings.Split(s, "."), "") && strings.IndexFunc(s, special) < 0
}

// newMessageID returns a Message-ID in the place of one that is missing or not fit.
func newMessageID() string { return "<" + rand.Text() + "@azurecomm.net>" }
