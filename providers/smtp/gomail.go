package smtp

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"github.com/wneessen/go-mail"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// FromGoMail returns msg, a message of github.com/wneessen/go-mail, as a Message that is not prepared, for any
// Sender. It is what go-mail would write, read with [eml.Parse], so that addresses, subject, header
// fields, bodies, file names and Content-IDs are those that its recipients have had. EnvelopeFrom becomes
// ReturnPath. Bcc recipients stay recipients that nobody is shown.
//
// Files are not copied. Each is written by go-mail's own function whenever a send reads it, and spooled
// then, for go-mail does not tell its size; see [mailer.Spool]. Of a file that fails after its first bytes
// only the first error comes back from then on, because go-mail would go on in the middle of it.
//
// Messages made of one msg share its files, and so does msg: whoever reads one that another reads waits. So Send
// them from as many goroutines as you like, but do not open a file of one in the middle of that of another in the
// same goroutine.
//
// As by any write of go-mail's, msg's middlewares run, once, and it is given a Date and a Message-ID where it
// has none. So another conversion has the same identity, and so has the Message at every attempt and
// provider. Neither msg nor a file that it has in common with another Msg may be used elsewhere during the call,
// as during go-mail's own writing, for the function of a file is replaced. Later changes of msg are not seen.
//
// Left out are the User-Agent and X-Mailer that name go-mail by default, descriptions of parts and
// files, and what [eml.Parse] says is not content, such as transfer encodings and boundaries.
//
// # What is refused
//
// What a Message cannot say wraps [mailer.ErrUnsupported]: PGP and S/MIME, and signatures of DKIM; files
// of type message, and whatever else [eml.Parse] refuses; a middleware that reads, changes or removes files,
// for it is shown placeholders of them; header fields set with SetGenHeaderPreformatted, but for those of
// SetListUnsubscribe and its like. Where go-mail lets a line end in a field's name or preformatted value
// make another field, such as a Bcc, that one is refused for the same reason.
//
// A field that stands there twice, a header that ends early or shows other addresses than msg has been given,
// control characters in what describes a part or a file, and a message without a sender wrap
// [mailer.ErrInvalidMessage]. Everything else is for [mailer.Prepare], and so for Send, to check.
//
// Options of go-mail's client are not part of its messages: delivery status notifications are
// [mailer.Message].DSN, and connections are those of [Config].
func FromGoMail(msg *mail.Msg) (*mailer.Message, error) {
	if msg == nil {
		return nil, fmt.Errorf("smtp: go-mail: %w: the message is nil", mailer.ErrInvalidMessage)
	}
	m, err := convert(msg)
	if err != nil {
		return nil, fmt.Errorf("smtp: go-mail: %w", err)
	}
	return m, nil
}

func convert(msg *mail.Msg) (*mailer.Message, error) {
	given, err := addressesOf(msg)
	if err != nil {
		return nil, err
	}
	files := stowage{token: rand.Text()}
	rendered, err := files.render(msg)
	if err != nil {
		return nil, err
	}
	if err := checkFields(msg, rendered); err != nil {
		return nil, err
	}
	m, err := eml.Parse(mailer.Bytes(rendered))
	if err != nil {
		return nil, err
	}
	if err := given.apply(m); err != nil {
		return nil, err
	}
	m.Headers = withoutDefaultAgent(m.Headers)
	return m, files.restore(m)
}

// render writes msg without the contents of its files, and leaves it as it was.
func (s *stowage) render(msg *mail.Msg) ([]byte, error) {
	attachments, err := s.stow(msg.GetAttachments())
	if err != nil {
		return nil, err
	}
	embeds, err := s.stow(msg.GetEmbeds())
	if err != nil {
		return nil, err
	}
	defer msg.SetAttachments(msg.GetAttachments())
	defer msg.SetEmbeds(msg.GetEmbeds())
	msg.SetAttachments(attachments)
	msg.SetEmbeds(embeds)
	// A boundary of the caller's would stand at every level.
	defer msg.SetBoundary(msg.GetBoundary())
	msg.SetBoundary("")
	return renderBodies(msg)
}

// renderBodies writes msg with bodies in base64, which keeps every octet: go-mail writes quoted-printable where
// it says 7bit.
func renderBodies(msg *mail.Msg) ([]byte, error) {
	parts := msg.GetParts()
	encodings := make([]mail.Encoding, len(parts))
	for i, p := range parts {
		if hasControl(string(p.GetContentType()) + string(p.GetCharset()) + p.GetDescription()) {
			return nil, invalid("a part is described with control characters")
		}
		encodings[i] = p.GetEncoding()
	}
	defer func() {
		for i, p := range parts {
			p.SetEncoding(encodings[i])
		}
	}()
	for _, p := range parts {
		p.SetEncoding(mail.EncodingB64)
	}
	var rendered bytes.Buffer
	if _, err := msg.WriteTo(&rendered); err != nil {
		return nil, err
	}
	if !bytes.Contains(rendered.Bytes(), []byte("\r\n\r\n")) {
		rendered.WriteString("\r\n") // without any part, go-mail does not end the header
	}
	return rendered.Bytes(), nil
}

// goMailAddresses are those that a message of go-mail's has been given.
type goMailAddresses struct {
	from                 mailer.Address
	to, cc, bcc, replyTo []mailer.Address
	returnPath           string
}

func addressesOf(msg *mail.Msg) (goMailAddresses, error) {
	list := func(header mail.AddrHeader) []mailer.Address {
		var addresses []mailer.Address
		for _, a := range msg.GetAddrHeader(header) {
			if a != nil {
				addresses = append(addresses, *a)
			}
		}
		return addresses
	}
	g := goMailAddresses{to: list(mail.HeaderTo), cc: list(mail.HeaderCc), bcc: list(mail.HeaderBcc), replyTo: list(mail.HeaderReplyTo)}
	from, envelope := list(mail.HeaderFrom), list(mail.HeaderEnvelopeFrom)
	if len(envelope) > 0 {
		if g.returnPath = envelope[0].Address; g.returnPath == "" {
			return g, invalid("EnvelopeFrom has no address")
		}
	}
	if len(from) == 0 {
		from = envelope // as go-mail does
	}
	if len(from) == 0 {
		return g, invalid("neither From nor EnvelopeFrom is set")
	}
	g.from = from[0]
	return g, nil
}

// apply makes the addresses those of m, which has to show the same ones but Bcc.
func (g *goMailAddresses) apply(m *mailer.Message) error {
	if !sameAddresses(m.From, g.from) || !sameLists(m.To, g.to) || !sameLists(m.Cc, g.cc) || !sameLists(m.ReplyTo, g.replyTo) {
		return invalid("the header shows other addresses than it was given")
	}
	if len(m.Bcc) > 0 {
		return unsupported("Bcc is a header field of it, which everybody would see")
	}
	m.From, m.To, m.Cc, m.Bcc, m.ReplyTo, m.ReturnPath = g.from, g.to, g.cc, g.bcc, g.replyTo, g.returnPath
	return nil
}

func invalid(reason string) error { return fmt.Errorf("%w: %s", mailer.ErrInvalidMessage, reason) }

func unsupported(reason string) error { return fmt.Errorf("%w: %s", mailer.ErrUnsupported, reason) }
