package sendgrid

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// reserved are the header fields that SendGrid writes, in lower case (page about errors, message.headers).
var reserved = []string{
	"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding",
	"to", "from", "subject", "reply-to", "cc", "bcc",
}

// fields fills in the header fields. JSON has them as a map, so that each name stands once.
func (b *body) fields() error {
	m := b.msg
	b.mail.Headers = b.headers
	b.headers["Message-ID"] = m.MessageID
	extra := eml.ExtraFields(m)
	if len(m.Headers)+len(extra) == 0 {
		return nil
	}
	seen := b.seen.Reset(1 + len(m.Headers) + len(extra))
	seen.Add("Message-ID")
	for _, list := range [][]mailer.HeaderField{m.Headers, extra} {
		for i := range list {
			if err := b.field(&list[i], seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *body) field(f *mailer.HeaderField, seen *apimail.NameSet) error {
	switch {
	case slices.ContainsFunc(reserved, func(name string) bool { return strings.EqualFold(name, f.Name) }):
		return apimail.Unsupported("the header field %q, which SendGrid writes itself", f.Name)
	case strings.EqualFold(f.Name, "X-SMTPAPI"): // over SMTP it names recipients. UNVERIFIED: what it does here
		return apimail.Unsupported("the header field %q, which would steer the service", f.Name)
	case !seen.Add(f.Name):
		return apimail.Unsupported("the header field %q more than once", f.Name)
	case strings.ContainsAny(f.Value, "\r\n\x00"): // changed since Prepare
		return fmt.Errorf("%w: header field %q has a line end", mailer.ErrInvalidMessage, f.Name)
	}
	b.headers[f.Name] = f.Value
	return nil
}

// What events and logs know a message by. Metadata cannot have such keys.
const (
	argPrefix    = "mailkeel_"
	argMessageID = argPrefix + "message_id"
	argKey       = argPrefix + "key"
	argEnvelope  = argPrefix + "envelope"
)

// identify puts into args what m is known by. The parts of a long list have one Message-ID
// and one key: their recipients tell them apart.
func identify(args map[string]string, m *mailer.Message) {
	args[argMessageID], args[argKey] = m.MessageID, m.IdempotencyKey
	args[argEnvelope] = httpapi.EnvelopeID(m.Recipients())
}

// eventKeys are the members of an event that are SendGrid's own, and win over custom arguments (page about
// events, and events as they came).
var eventKeys = map[string]bool{
	"asm_group_id": true, "attempt": true, "bounce_classification": true, "category": true, "cert_err": true, "domain": true,
	"email": true, "event": true, "from": true, "ip": true, "marketing_campaign_id": true, "marketing_campaign_name": true,
	"marketing_campaign_split_id": true, "marketing_campaign_version": true, "newsletter": true, "pool": true, "post_type": true,
	"reason": true, "response": true, "send_at": true, "sg_content_type": true, "sg_event_id": true, "sg_machine_open": true,
	"sg_message_id": true, "sg_template_id": true, "sg_template_name": true, "sg_user_id": true, "singlesend_id": true,
	"singlesend_name": true, "smtp-id": true, "status": true, "template_id": true, "timestamp": true, "tls": true, "type": true,
	"url": true, "url_offset": true, "useragent": true,
}

// comesBack reports whether events have all of the metadata.
func comesBack(metadata map[string]string) bool {
	for key := range metadata {
		if eventKeys[key] {
			return false
		}
	}
	return true
}

// maxArgsBytes is of the specification; the page about errors says 50,000. What SendGrid counts it does
// not say: here it is the JSON.
const maxArgsBytes = 10_000

// customArgs fills in the identity and the metadata.
func (b *body) customArgs() error {
	for key, value := range b.msg.Metadata {
		if strings.HasPrefix(key, argPrefix) {
			return apimail.Unsupported("a Metadata key that begins with %s", argPrefix)
		}
		b.args[key] = value
	}
	identify(b.args, b.sent)
	if b.json.Exceeds(b.args, maxArgsBytes) {
		return apimail.Unsupported("more than %d bytes of Metadata", maxArgsBytes)
	}
	b.mail.CustomArgs = b.args
	return nil
}

// The limits of categories (twilio/sendgrid-oai, and the page about events: ASCII only).
const (
	maxCategories    = 10
	maxCategoryBytes = 255
)

// categories returns the tags that SendGrid can carry, each once, and whether that is all of them.
func categories(tags []string) (carried []string, all bool) {
	all = true
	for i, tag := range tags {
		switch {
		case slices.Contains(tags[:i], tag):
		case len(carried) == maxCategories || len(tag) > maxCategoryBytes || !isASCII(tag):
			all = false
		default:
			carried = append(carried, tag)
		}
	}
	return carried, all
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
