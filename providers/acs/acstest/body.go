package acstest

import (
	"net/mail"
	"strings"
)

// A body reads EmailMessage of the API description into a message.
type body struct {
	*Message
	version       apiVersion
	maxRecipients int
	contentIDs    map[string]bool
}

func (b *body) read(o *object) {
	o.require("senderAddress", "content", "recipients")
	b.Sender = b.address(o, "senderAddress")
	o.object("content", b.content)
	o.object("recipients", b.recipients)
	o.objects("replyTo", b.to(&b.ReplyTo))
	o.object("headers", b.headers)
	o.objects("attachments", b.attachment)
	b.TrackingDisabled = o.bool("userEngagementTrackingDisabled")
	o.close()
}

// content wants a subject and a text. That neither may be blank is UNVERIFIED: Microsoft's
// clients refuse that before the service could.
func (b *body) content(o *object) {
	o.require("subject")
	b.Subject, b.Text, b.HTML = o.text("subject"), o.text("plainText"), o.text("html")
	if _, ok := o.members["subject"].(string); ok && isBlank(b.Subject) {
		o.add(o.path+"subject", "The subject is empty.")
	}
	if hasControl(b.Subject) {
		o.add(o.path+"subject", "The subject has a line break.")
	}
	if isBlank(b.Text) && isBlank(b.HTML) {
		o.add(o.path+"plainText", "Either plainText or html is required.")
	}
}

func (b *body) recipients(o *object) {
	o.require("to")
	o.objects("to", b.to(&b.To))
	o.objects("cc", b.to(&b.Cc))
	o.objects("bcc", b.to(&b.Bcc))
	if list, ok := o.members["to"].([]any); ok && len(list) == 0 {
		o.add(o.path+"to", "There is no recipient in to.") // UNVERIFIED: cc or bcc might do
	}
	if n := len(b.Recipients()); n > b.maxRecipients {
		o.add("recipients", "%d recipients are more than %d.", n, b.maxRecipients)
	}
}

// to returns what reads an EmailAddress and appends it to list.
func (b *body) to(list *[]Address) func(*object) {
	return func(o *object) {
		o.require("address")
		a := Address{Email: b.address(o, "address"), Name: o.text("displayName")}
		if hasControl(a.Name) {
			o.add(o.path+"displayName", "A display name has a line break.")
		}
		*list = append(*list, a)
	}
}

// address wants a bare address in ASCII. That the service cannot do with other characters is
// UNVERIFIED; so is the limit of its length.
func (b *body) address(o *object, member string) string {
	email := o.text(member)
	if _, ok := o.members[member].(string); ok && !isAddress(email) {
		o.list = append(o.list, Error{
			Code: codeInvalidEmail, Message: "Invalid format for email address", Target: o.path + member,
		})
	}
	return email
}

const maxAddressBytes = 320 // RFC 3696, before its erratum

func isAddress(s string) bool {
	parsed, err := mail.ParseAddress("<" + s + ">")
	return err == nil && parsed.Address == s && isASCII(s) && len(s) <= maxAddressBytes
}

func isBlank(s string) bool { return strings.TrimSpace(s) == "" }

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// hasControl reports whether s has what would end or damage a header field.
func hasControl(s string) bool { return strings.ContainsAny(s, "\r\n\x00") }
