package mailgun

import (
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// The two ways to send.
const (
	endpointMIME = "messages.mime"
	endpointForm = "messages"
)

// Capabilities returns what Mailgun can carry: all but ReturnPath and DSN, for bounces go to
// Mailgun, and addresses with a local part outside ASCII. What a template or
// RecipientVariables exclude, FeatureEnvelope among it, shows when the message is sent.
func (c *Client) Capabilities() mailer.Capabilities {
	const lacks = mailer.FeatureReturnPath | mailer.FeatureDSN | mailer.FeatureUTF8
	return mailer.Capabilities{
		Features:        (mailer.Essential | mailer.Advisory) &^ lacks,
		MaxRecipients:   maxRecipients,
		MaxMessageBytes: max(c.cfg.MaxMessageBytes, 0),
	}
}

// encode makes the request of a prepared message. The error wraps [mailer.ErrUnsupported] where
// Mailgun cannot carry it, and nothing else stands in the way.
func encode(m *mailer.Message, cfg *Config, now time.Time) (*form, error) {
	o, err := optionsOf(m)
	if err != nil {
		return nil, err
	}
	if err := checkTogether(m, &o); err != nil {
		return nil, err
	}
	return (&encoder{m: m, cfg: cfg, o: &o, now: now}).encode()
}

// An encoder makes one request.
type encoder struct {
	m   *mailer.Message
	cfg *Config
	o   *Options
	now time.Time
	*form
}

func (e *encoder) encode() (_ *form, err error) {
	if e.m.Template == nil && e.o.RecipientVariables == nil {
		e.form = newForm(endpointMIME)
		err = e.mimeMessage()
	} else {
		e.form = newForm(endpointForm)
		err = e.partsOfMessage()
	}
	if err == nil {
		err = e.parameters()
	}
	if err == nil {
		e.finish()
		err = e.check()
	}
	if err != nil {
		e.Release()
		return nil, err
	}
	return e.form, nil
}

// check looks at what only the whole form shows.
func (e *encoder) check() error {
	content := e.size
	if e.message != nil {
		content = e.message.Size()
	}
	switch limit := e.cfg.MaxMessageBytes; {
	case e.err != nil:
		return e.err
	case e.counted > maxParameterBytes:
		return unsupported("the parameters (Tags, Metadata, Template.Data, Headers beside a template) have %d bytes, at most %d are taken", e.counted, maxParameterBytes)
	case limit > 0 && content > limit:
		return unsupported("the message has %d bytes, at most %d are taken", content, limit)
	case e.size > maxRequestBytes:
		return unsupported("the request has %d bytes, at most %d are taken", e.size, maxRequestBytes)
	case e.cfg.Strict && len(e.degraded) > 0:
		return unsupported("the message needs all of its %s, which cannot be carried as they are", e.degraded[0])
	}
	return nil
}

// mimeMessage gives the message as bytes, the same that SMTP would carry, and the envelope
// beside it. What we compose is of seven bits, as every relay takes it. A raw message stays as it
// is, for HTTP carries eight bits, and to change them would break what somebody signed.
func (e *encoder) mimeMessage() error {
	body, err := eml.Render(e.m, eml.Options{EightBit: !e.m.Raw.IsZero()})
	if err != nil {
		return err
	}
	if body.UTF8() {
		body.Release()
		return unsupported("Raw has header fields that are not ASCII")
	}
	e.envelope(e.m.Recipients())
	e.mime("message", "message.eml", body)
	return nil
}

// maxAddressFields keeps a form below the thousand parts that common readers of forms take.
const maxAddressFields = 500

// envelope names the recipients.
func (e *encoder) envelope(recipients []string) {
	e.list("to", len(recipients), perField(len(recipients)), func(i int) string { return recipients[i] })
}

// perField is how many of so many addresses share a field: one, or where they are many, more.
func perField(addresses int) int { return 1 + (addresses-1)/maxAddressFields }
