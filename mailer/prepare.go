package mailer

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/url"
	"strings"
	"time"
)

// Limits of one message. Providers have further ones; see [Capabilities].
const (
	maxRecipients   = 1000
	maxHeaderFields = 100
	maxHeaderBytes  = 64 << 10
	maxParts        = 1000
	maxIdentifier   = 255 // a tag, a key, a template's name
	maxTags         = 100
	maxMetadata     = 100
	maxMetadataText = 4 << 10
	maxLine         = 998 // RFC 5322 section 2.1.1
	maxMessageID    = 250
)

// Prepare is the one gate of content. It checks msg, mints what is missing (Message-ID,
// Date, idempotency key, the token that boundaries are made of) and freezes all into
// a copy, which is what every attempt at every provider sends. msg is not changed. A
// prepared message must not be changed, but a copy of it may, and is then checked
// anew. It comes back as it is, so that whoever wants to send it again under the
// same identity, after an [Unknown] outcome for example, prepares it and sends the
// prepared one both times.
//
// The error is a [*SendError] that wraps [ErrInvalidMessage], with [ScopeCaller]. It names
// the field and what is wrong, never the content.
//
// The bytes of a [Content] are not copied, and the maps' values and ProviderOptions are
// shared with msg.
func Prepare(msg *Message) (*Message, error) {
	if msg == nil {
		return nil, invalid(errors.New("message is nil"))
	}
	if msg.IsPrepared() {
		if !msg.prepared.unchanged() {
			return nil, invalid(errors.New("addresses or MessageID were changed after Prepare: change a copy"))
		}
		return msg, nil
	}
	frozen := &struct {
		Message
		prepared
	}{Message: *msg} // one allocation for both
	m, p := &frozen.Message, &frozen.prepared
	p.self = m
	if msg.prepared != nil {
		p.inherit(msg.prepared)
	}
	m.prepared = nil
	for _, step := range [...]func(*Message, *prepared) error{
		prepareAddresses, prepareIdentity, prepareContent, prepareHeaders, prepareOptions, prepareRaw,
	} {
		if err := step(m, p); err != nil {
			return nil, invalid(err)
		}
	}
	m.prepared = p
	return m, nil
}

func invalid(err error) *SendError {
	return &SendError{
		Receipt: &Receipt{Outcome: NotAccepted},
		Outcome: NotAccepted,
		Scope:   ScopeCaller,
		Err:     fmt.Errorf("%w: %w", ErrInvalidMessage, err),
	}
}

// fieldError is an error about one field; the rest of the sentence is in the cause.
func fieldError(field string, err error) error { return fmt.Errorf("%s %w", field, err) }

func itemError(field string, i int, err error) error { return fmt.Errorf("%s[%d] %w", field, i, err) }

func prepareAddresses(m *Message, p *prepared) error {
	var err error
	if m.From, err = checkAddress(m.From); err != nil {
		return fieldError("From", err)
	}
	if m.Sender != (Address{}) {
		if m.Sender, err = checkAddress(m.Sender); err != nil {
			return fieldError("Sender", err)
		}
	}
	if n := len(m.To) + len(m.Cc) + len(m.Bcc); n == 0 {
		return errors.New("To, Cc and Bcc are empty")
	} else if n > maxRecipients || len(m.ReplyTo) > maxRecipients {
		return fmt.Errorf("To, Cc, Bcc or ReplyTo have more than %d addresses", maxRecipients)
	}
	// One backing array for all lists, and for the copies that tell whether they were changed.
	all := make([]Address, 0, 2*(len(m.To)+len(m.Cc)+len(m.Bcc)+len(m.ReplyTo)))
	for _, f := range [...]struct {
		name string
		list *[]Address
	}{{"To", &m.To}, {"Cc", &m.Cc}, {"Bcc", &m.Bcc}, {"ReplyTo", &m.ReplyTo}} {
		start := len(all)
		for i, a := range *f.list {
			if a, err = checkAddress(a); err != nil {
				return itemError(f.name, i, err)
			}
			all = append(all, a)
		}
		*f.list = all[start:len(all):len(all)]
	}
	p.from, p.addresses, p.givenReturn = m.From, append(all, all...)[len(all):], m.ReturnPath
	p.recipients = uniqueRecipients(m.To, m.Cc, m.Bcc)
	switch m.ReturnPath {
	case "":
		p.returnPath = m.From.Address
	case "<>":
	default:
		if m.ReturnPath, err = checkAddrSpec(m.ReturnPath); err != nil {
			return fieldError("ReturnPath", err)
		}
		p.returnPath, p.givenReturn = m.ReturnPath, m.ReturnPath
	}
	return nil
}

func prepareIdentity(m *Message, p *prepared) error {
	if m.Date.IsZero() {
		m.Date = time.Now()
	}
	if err := checkDate(m.Date); err != nil {
		return fieldError("Date", err)
	}
	var random [25]byte // 15 bytes for the Message-ID's text, 10 for the boundary's
	_, _ = rand.Read(random[:])
	if p.boundary == "" {
		p.boundary = hex.EncodeToString(random[15:])
	}
	given := m.MessageID
	if !m.Raw.IsZero() {
		m.MessageID = cmp.Or(rawMessageID(m.Raw), given)
	}
	if m.MessageID == "" {
		m.MessageID, p.minted = mintMessageID(m.Date, random[:10], m.From.Address), true
	}
	id, err := checkMessageID(m.MessageID)
	if err != nil {
		return fieldError("MessageID", err)
	}
	if given != "" && given != id && "<"+given+">" != id {
		return fieldError("MessageID", errors.New("is not the one in Raw"))
	}
	m.MessageID, p.messageID = id, id
	if m.IdempotencyKey == "" {
		m.IdempotencyKey = id[1 : len(id)-1]
	}
	if len(m.IdempotencyKey) > maxIdentifier || !isPrintableASCII(m.IdempotencyKey) {
		return fmt.Errorf("IdempotencyKey is not of 1 to %d printable ASCII characters without space", maxIdentifier)
	}
	if m.Delivery < DeliveryDefault || m.Delivery > AtLeastOnce {
		return errors.New("Delivery is not one of the named values")
	}
	return nil
}

// checkDate holds t to what RFC 5322 section 3.3 can write.
func checkDate(t time.Time) error {
	const maxOffset = 99*3600 + 59*60
	if year := t.Year(); year < 1900 || year > 9999 {
		return errors.New("is not within the years 1900 to 9999")
	}
	if _, offset := t.Zone(); offset < -maxOffset || offset > maxOffset {
		return errors.New("has a zone that is more than 99:59 from UTC")
	}
	return nil
}

// mintMessageID makes a name out of time and chance, as UUID version 7 does (RFC
// 9562), at the author's domain, which RFC 5322 section 3.6.4 recommends.
func mintMessageID(now time.Time, random []byte, from string) string {
	domain := from[strings.LastIndexByte(from, '@')+1:]
	for len(domain) > maxMessageID-len("<>.@")-2*(6+len(random)) { // labels are short enough to leave some
		_, domain, _ = strings.Cut(domain, ".")
	}
	var buf [maxMessageID]byte
	ms := now.UnixMilli()
	stamp := [6]byte{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms)}
	b := append(buf[:0], '<')
	b = hex.AppendEncode(b, stamp[:])
	b = append(b, '.')
	b = hex.AppendEncode(b, random)
	b = append(b, '@')
	b = append(b, domain...)
	return string(append(b, '>'))
}

// checkMessageID accepts the msg-id of RFC 5322 section 3.6.4 without its obsolete
// forms, with or without angle brackets, and returns it with them.
func checkMessageID(id string) (string, error) {
	inner := id
	if strings.HasPrefix(id, "<") && strings.HasSuffix(id, ">") && len(id) > 2 {
		inner = id[1 : len(id)-1]
	} else {
		id = "<" + id + ">"
	}
	if len(id) > maxMessageID {
		return "", fmt.Errorf("is longer than %d bytes", maxMessageID)
	}
	left, right, found := strings.Cut(inner, "@")
	if !found || left == "" || right == "" || !isPrintableASCII(inner) {
		return "", errForm
	}
	if n := len(right); n > 2 && right[0] == '[' && right[n-1] == ']' { // a no-fold-literal
		right = strings.ReplaceAll(right[1:n-1], ":", "")
	}
	if strings.ContainsAny(left, notInMessageID) || strings.ContainsAny(right, notInMessageID) {
		return "", errForm
	}
	return id, nil
}

var errForm = errors.New("is not of the form <left@right>")

// notInMessageID are the specials of RFC 5322 section 3.2.3, less the dot.
const notInMessageID = "<>()[],;:\\\"@"

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

// reservedFields are written from other fields of Message, or by the servers on the way.
var reservedFields = map[string]string{
	"from": "From", "sender": "Sender", "reply-to": "ReplyTo", "to": "To", "cc": "Cc", "bcc": "Bcc",
	"subject": "Subject", "date": "Date", "message-id": "MessageID", "return-path": "ReturnPath",
	"mime-version": "", "content-type": "", "content-transfer-encoding": "", "content-disposition": "", "content-id": "",
	"received": "", "dkim-signature": "",
	"list-unsubscribe": "Unsubscribe", "list-unsubscribe-post": "Unsubscribe",
	"x-priority": "Priority", "importance": "Priority", "priority": "Priority",
}

func prepareHeaders(m *Message, _ *prepared) error {
	if err := checkText(m.Subject); err != nil {
		return fieldError("Subject", err)
	}
	if len(m.Headers) > maxHeaderFields {
		return fmt.Errorf("Headers are more than %d", maxHeaderFields)
	}
	m.Headers = clone(m.Headers)
	size := len(m.Subject)
	for i, f := range m.Headers {
		if err := checkField(m, f); err != nil {
			return itemError("Headers", i, err)
		}
		size += len(f.Name) + len(f.Value)
	}
	if size > maxHeaderBytes {
		return fmt.Errorf("Headers and Subject are more than %d bytes", maxHeaderBytes)
	}
	return checkUnsubscribe(&m.Unsubscribe)
}

func checkField(m *Message, f HeaderField) error {
	if !isFieldName(f.Name) {
		return errors.New("has a name that is not a header field name of RFC 5322")
	}
	if err := checkText(f.Value); err != nil {
		return fmt.Errorf("has a value that %w", err)
	}
	field, reserved := reservedFields[strings.ToLower(f.Name)]
	switch {
	case !reserved:
	case field == "":
		return errors.New("is a field that the writer or a server sets")
	case field == "Priority" && m.Priority == PriorityDefault, field == "Unsubscribe" && m.Unsubscribe.isZero():
	default:
		return fmt.Errorf("is a field that Message.%s sets", field)
	}
	for word := range strings.FieldsSeq(f.Value) {
		if len(f.Name)+2+len(word) > maxLine && isASCII(word) {
			return fmt.Errorf("has a word that does not fit on a line of %d bytes", maxLine)
		}
	}
	return nil
}

func checkUnsubscribe(u *Unsubscribe) error {
	if u.OneClick && u.URL == "" {
		return errors.New("Unsubscribe.OneClick needs Unsubscribe.URL")
	}
	if u.URL != "" {
		parsed, err := url.Parse(u.URL)
		if err != nil || parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil || len(u.URL) > 900 ||
			!isPrintableASCII(u.URL) || strings.ContainsAny(u.URL, "<>\",") {
			return errors.New("Unsubscribe.URL is not an https URL of printable ASCII without < > \" ,")
		}
	}
	if u.Mailto != "" {
		spec, err := checkAddrSpec(u.Mailto)
		if err != nil {
			return fieldError("Unsubscribe.Mailto", err)
		}
		if !isASCII(spec) || strings.ContainsAny(spec, "&?#/`^{|}") { // RFC 6068 section 2
			return errors.New("Unsubscribe.Mailto has characters that a mailto URL would need escaped")
		}
		u.Mailto = spec
	}
	return nil
}

func prepareOptions(m *Message, _ *prepared) error {
	if !m.SendAt.IsZero() {
		if err := checkDate(m.SendAt); err != nil {
			return fieldError("SendAt", err)
		}
	}
	if len(m.Tags) > maxTags || len(m.Metadata) > maxMetadata {
		return fmt.Errorf("Tags or Metadata are more than %d", maxTags)
	}
	m.Tags = clone(m.Tags)
	for i, tag := range m.Tags {
		if err := checkText(tag); err != nil || tag == "" || len(tag) > maxIdentifier {
			return itemError("Tags", i, fmt.Errorf("is not one line of 1 to %d bytes of UTF-8", maxIdentifier))
		}
	}
	for key, value := range m.Metadata {
		if err := checkText(key); err != nil || key == "" || len(key) > maxIdentifier {
			return fmt.Errorf("Metadata has a key that is not one line of 1 to %d bytes of UTF-8", maxIdentifier)
		}
		if err := checkText(value); err != nil || len(value) > maxMetadataText {
			return fmt.Errorf("Metadata has a value that is not one line of at most %d bytes of UTF-8", maxMetadataText)
		}
	}
	m.Metadata = maps.Clone(m.Metadata)
	m.ProviderOptions = maps.Clone(m.ProviderOptions)
	if t := m.Template; t != nil {
		if checkText(t.ID) != nil || checkText(t.Version) != nil || t.ID == "" || len(t.ID)+len(t.Version) > maxIdentifier {
			return fmt.Errorf("Template.ID and Version are not one line of 1 to %d bytes of UTF-8", maxIdentifier)
		}
		m.Template = &Template{ID: t.ID, Version: t.Version, Data: maps.Clone(t.Data)}
	}
	return checkSwitches(m)
}

func checkSwitches(m *Message) error {
	outside := func(s Switch) bool { return s < SwitchDefault || s > Off }
	switch {
	case outside(m.TrackOpens) || outside(m.TrackClicks):
		return errors.New("TrackOpens or TrackClicks is not one of the named values")
	case m.Priority < PriorityDefault || m.Priority > PriorityLow:
		return errors.New("Priority is not one of the named values")
	case m.DSN.Notify > NotifyNever:
		return errors.New("DSN.Notify is not a set of the named values, or has others beside NotifyNever")
	case len(m.DSN.EnvelopeID) > 100 || !isPrintableASCII(m.DSN.EnvelopeID): // RFC 3461 section 4.4
		return errors.New("DSN.EnvelopeID is not of at most 100 printable ASCII characters without space")
	}
	return nil
}
