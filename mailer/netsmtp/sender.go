package netsmtp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"sync/atomic"

	"github.com/mailkeel/mailkeel/mailer"
)

// sender is what SetSender set; nil for none.
var sender atomic.Pointer[mailer.Sender]

// SetSender makes [SendMail] and [SendMailContext] send through s from now on, in the whole
// program, whatever addr and a they are given; nil makes them connect to addr again. It is
// meant to be called once, early in main. A send under way stays with what it began with.
//
// The message goes raw ([mailer.Message.Raw]), with from and to as the envelope and AllOrNone set; Bcc fields are
// taken out before. Through a provider that takes no raw messages, as SendGrid and ACS, its parts are sent, and it
// is refused where they cannot say the same; where to lacks somebody whom the header's To or Cc names; or where
// from is not the header's From. One that takes them, as SMTP and Mailgun, refuses lines of more than 998 octets. A
// message without a header is refused by all, and so is what [mailer.Prepare] refuses, such as an address without a
// domain, although a server might have taken it. With an empty from, bounces go nowhere, and the first address of
// the header's From is the author. Where the header has no From, the parts are sent with from; those who take the
// message as it is may refuse it.
//
// Errors are the Sender's. A refusal by SMTP has a [*textproto.Error] there too, whose text is fit to be shown: one
// line, cut short, without addresses and status code. One by HTTP has none: Code and Protocol of the
// [*mailer.SendError] say what it was.
//
// Dial and the Client are not affected. SetSender is safe for concurrent use.
//
// [*textproto.Error]: https://pkg.go.dev/net/textproto#Error
func SetSender(s mailer.Sender) {
	if s == nil {
		sender.Store(nil)
		return
	}
	sender.Store(&s)
}

// through sends m through s.
func (m *mail) through(ctx context.Context, s mailer.Sender) error {
	msg, err := m.message()
	if err == nil {
		_, err = s.Send(ctx, msg)
	}
	var known *mailer.SendError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return mailer.AsSendError(err)
}

// message returns m as a Message.
func (m *mail) message() (*mailer.Message, error) {
	if err := m.check(); err != nil {
		return nil, refused(err)
	}
	msg := &mailer.Message{From: mailer.Address{Address: m.from}, Raw: mailer.Bytes(m.msg), AllOrNone: true}
	for _, to := range m.to {
		msg.To = append(msg.To, mailer.Address{Address: to})
	}
	if m.from == "" {
		author, err := authorOf(m.msg)
		if err != nil {
			return nil, refused(err)
		}
		msg.From.Address, msg.ReturnPath = author, "<>"
	}
	return msg, nil
}

// authorOf returns the first address of the header's From.
func authorOf(msg []byte) (string, error) {
	parsed, err := netmail.ReadMessage(bytes.NewReader(msg))
	if err == nil {
		// A group may have no members (RFC 6854).
		if list, err := parsed.Header.AddressList("From"); err == nil && len(list) > 0 {
			return list[0].Address, nil
		}
	}
	return "", fmt.Errorf("%w: from is empty, and the header's From has no address", mailer.ErrInvalidMessage)
}

// refused is an error about what SendMail was given.
func refused(err error) error {
	return &mailer.SendError{
		Receipt: &mailer.Receipt{Outcome: mailer.NotAccepted, Provider: provider},
		Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: err,
	}
}
