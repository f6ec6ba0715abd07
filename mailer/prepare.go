package mailer

import (
	"errors"
	"fmt"
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
	if p.recipients, p.narrowed = p.narrow(uniqueRecipients(m.To, m.Cc, m.Bcc)); len(p.recipients) == 0 {
		return errNobody
	}
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
