package eml

import (
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/entity"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/field"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// header reads the fields of the message into those of a Message.
func (a *assembler) header(root *entity.Part) error {
	seen := make(map[string]string)
	for i := range root.Fields {
		f := &root.Fields[i]
		name := strings.ToLower(f.Name)
		if isSingle(name) {
			value, again := seen[name]
			switch {
			case !again:
				seen[name] = f.Value
			case value == f.Value:
				continue
			default:
				return refuse.Invalid("%s stands there twice, with different values", f.Name)
			}
		}
		if err := a.field(name, f); err != nil {
			return refuse.Of(shownName(f.Name), err)
		}
	}
	return nil
}

// shownName is a field's name as an error may repeat it.
func shownName(name string) string {
	if len(name) > 76 {
		return "a field with an overlong name"
	}
	return name
}

// isSingle reports the fields of which there may be one (RFC 5322 section 3.6), less the lists of
// addresses, which can be joined.
func isSingle(name string) bool {
	switch name {
	case "from", "sender", "subject", "date", "message-id":
		return true
	}
	return false
}

func (a *assembler) field(name string, f *entity.Field) (err error) {
	m := a.m
	switch name {
	case "from":
		m.From, err = oneAddress(f.Value)
	case "sender":
		m.Sender, err = oneAddress(f.Value)
	case "reply-to":
		err = appendAddresses(&m.ReplyTo, f.Value)
	case "to":
		err = appendAddresses(&m.To, f.Value)
	case "cc":
		err = appendAddresses(&m.Cc, f.Value)
	case "bcc":
		err = appendAddresses(&m.Bcc, f.Value)
	case "subject":
		m.Subject, err = field.Text(f.Value)
	case "date":
		if f.Value != "" {
			m.Date, err = field.Date(f.Value)
		}
	case "message-id":
		m.MessageID = f.Value
	case "return-path":
		// The server that delivers the message writes it, and nobody before that (RFC 5321 section 4.4).
	case "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id":
		// Read with the body, and written anew.
	default:
		return a.otherField(name, f)
	}
	return err
}

func oneAddress(value string) (mailer.Address, error) {
	list, err := field.Addresses(value)
	switch {
	case err != nil:
		return mailer.Address{}, err
	case len(list) == 0:
		return mailer.Address{}, nil
	case len(list) > 1:
		return mailer.Address{}, refuse.Unsupported("has several addresses, of which a Message has one")
	}
	return list[0], nil
}

func appendAddresses(dst *[]mailer.Address, value string) error {
	list, err := field.Addresses(value)
	*dst = append(*dst, list...)
	return err
}

// otherField keeps a field in Headers, unless it would say something untrue there.
func (a *assembler) otherField(name string, f *entity.Field) error {
	if err := checkKept(name); err != nil {
		return err
	}
	if isStructured(name) && !field.IsPlain(f.Value) {
		return refuse.Unsupported("has addresses or identifiers beside encoded words, which Headers would encode too")
	}
	value, err := field.Text(f.Value)
	if err != nil {
		return err
	}
	a.m.Headers.Add(f.Name, value)
	return nil
}

// checkKept refuses the fields that are about other bytes, or another way, than those of the message that
// would be sent.
func checkKept(name string) error {
	switch name {
	case "received":
		return refuse.Unsupported("tells of an earlier way of the message, which sending it anew would hide")
	case "dkim-signature", "x-google-dkim-signature", "domainkey-signature":
		return refuse.Unsupported("is a signature, which is void when the message is written anew")
	case "content-md5", "content-length":
		return refuse.Unsupported("is about octets that change when the message is written anew")
	case "content-location", "content-base":
		return refuse.Unsupported("is what references within the message go by, which a Message cannot say")
	case "resent-bcc":
		return refuse.Unsupported("names recipients that must not be shown")
	}
	if strings.HasPrefix(name, "arc-") {
		return refuse.Unsupported("is of a signature, which is void when the message is written anew")
	}
	return nil
}

// isStructured reports the fields of RFC 5322 sections 3.6.4 and 3.6.6, of RFC 2369 and RFC 2919, and others that
// programs take addresses, identifiers or URLs from.
func isStructured(name string) bool {
	switch name {
	case "in-reply-to", "references", "list-id", "list-archive", "list-help", "list-owner", "list-post",
		"list-subscribe", "list-unsubscribe":
		return true
	case "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-reply-to",
		"disposition-notification-to", "return-receipt-to", "errors-to",
		"mail-followup-to", "mail-reply-to", "apparently-to", "x-original-to", "delivered-to":
		return true
	}
	return false
}
