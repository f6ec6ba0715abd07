package mailer

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
)

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
