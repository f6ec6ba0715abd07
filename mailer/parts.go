package mailer

import (
	"errors"
	"fmt"
	"mime"
	"strings"
)

func prepareContent(m *Message, _ *prepared) error {
	for _, f := range [...]struct{ name, value string }{{"Text", m.Text}, {"HTML", m.HTML}} {
		if err := checkBody(f.value); err != nil {
			return fieldError(f.name, err)
		}
	}
	if len(m.Attachments)+len(m.Alternatives) > maxParts {
		return fmt.Errorf("Attachments and Alternatives are more than %d", maxParts)
	}
	m.Attachments = clone(m.Attachments)
	for i := range m.Attachments {
		if err := prepareAttachment(&m.Attachments[i]); err != nil {
			return itemError("Attachments", i, err)
		}
	}
	if id := repeatedContentID(m.Attachments); id >= 0 {
		return itemError("Attachments", id, errors.New("has the ContentID of another"))
	}
	m.Alternatives = clone(m.Alternatives)
	for i := range m.Alternatives {
		a := &m.Alternatives[i]
		if err := checkMediaType(a.ContentType); err != nil {
			return itemError("Alternatives", i, err)
		}
		if err := settle(&a.Content); err != nil {
			return itemError("Alternatives", i, err)
		}
	}
	return nil
}

func prepareAttachment(a *Attachment) error {
	if err := checkText(a.Name); err != nil {
		return fmt.Errorf("has a Name that %w", err)
	}
	a.Name = safeFileName(a.Name)
	if a.ContentType == "" {
		a.ContentType = typeOfName(a.Name)
	}
	if err := checkMediaType(a.ContentType); err != nil {
		return err
	}
	if a.ContentID != "" {
		id := a.ContentID
		if len(id) > 2 && id[0] == '<' && id[len(id)-1] == '>' {
			id = id[1 : len(id)-1]
		}
		left, right, found := strings.Cut(id, "@")
		if len(id) > maxMessageID || left == "" || found && right == "" || !isPrintableASCII(id) ||
			strings.ContainsAny(left, notInMessageID) || strings.ContainsAny(right, notInMessageID) {
			return errors.New("has a ContentID that is not of the form left@right, or a plain word")
		}
		a.ContentID = id
	}
	return settle(&a.Content)
}

func repeatedContentID(attachments []Attachment) int {
	var seen map[string]bool
	for i := range attachments {
		id := attachments[i].ContentID
		if id == "" {
			continue
		}
		if seen == nil {
			seen = make(map[string]bool)
		}
		if seen[id] {
			return i
		}
		seen[id] = true
	}
	return -1
}

// settle records the size of c, so that every attempt holds its source to it.
func settle(c *Content) error {
	if c.IsZero() {
		return errors.New("has no Content")
	}
	size, err := c.Size()
	if err != nil {
		return fmt.Errorf("has a Content that cannot be read: %w", pathless(err))
	}
	switch c.src.(type) {
	case bytesSource, sizedSource, sectionSource:
	default:
		if size >= 0 {
			c.src = sizedSource{c.src, size}
		}
	}
	return nil
}

// checkMediaType accepts what RFC 2045 section 5.1 allows and the writer can repeat.
func checkMediaType(s string) error {
	if len(s) > maxIdentifier {
		return errors.New("has a ContentType that is too long")
	}
	if err := checkText(s); err != nil || !isASCII(s) {
		return errors.New("has a ContentType with characters that are not allowed there")
	}
	mediaType, params, err := mime.ParseMediaType(s)
	switch {
	case err != nil || !strings.Contains(mediaType, "/"):
		return errors.New("has a ContentType that is not of the form type/subtype; name=value")
	case strings.HasPrefix(mediaType, "multipart/"):
		return errors.New("has a ContentType that cannot be a single part")
	case strings.HasPrefix(mediaType, "message/"): // RFC 2046 section 5.2.1
		return errors.New("has a ContentType message/..., which base64 may not encode: use application/octet-stream")
	}
	if _, has := params["boundary"]; has {
		return errors.New("has a ContentType with a boundary")
	}
	return nil
}
