package acstest

import (
	"encoding/base64"
	"strings"
)

// attachment reads an EmailAttachment. What the message goes without must be whole in every
// other respect. UNVERIFIED.
func (b *body) attachment(o *object) {
	o.require("name", "contentType", "contentInBase64")
	a := Attachment{Name: o.filledText("name"), ContentType: o.filledText("contentType"), Content: b.bytes(o)}
	if strings.ContainsAny(a.Name, "\r\n\x00/\\") {
		o.add(o.path+"name", "The name of an attachment is the name of a file.") // UNVERIFIED
	}
	if b.version != version2023 {
		a.ContentID = o.filledText("contentId")
		b.checkContentID(o, a.ContentID)
	}
	switch {
	case a.Name == "" || a.ContentType == "": // is refused already
	case isAllowed(a):
		b.Attachments = append(b.Attachments, a)
	case b.enabled(suppressInvalidAttachment):
		b.DroppedAttachments = append(b.DroppedAttachments, a.Name)
	default:
		o.add(o.path+"contentType", "Attachments of this type are not allowed.")
	}
}

// bytes wants base64 without line breaks, and some of it. UNVERIFIED.
func (b *body) bytes(o *object) []byte {
	text := o.filledText("contentInBase64")
	// The decoder of the standard library skips line breaks.
	content, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		o.add(o.path+"contentInBase64", "The content of an attachment should be base64.")
	}
	return content
}

// checkContentID wants each id once. That it has no spaces or angle brackets is UNVERIFIED.
func (b *body) checkContentID(o *object, id string) {
	if strings.ContainsAny(id, "<> \t\r\n\x00") || !isASCII(id) {
		o.add(o.path+"contentId", "The contentId is not valid.")
	}
	if id != "" && b.contentIDs[id] && !b.enabled(ignoreDuplicateContentID) {
		o.add(o.path+"contentId", "The contentId is there more than once.")
	}
	b.contentIDs[id] = true
}
