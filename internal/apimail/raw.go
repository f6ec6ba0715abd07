package apimail

import (
	"cmp"
	"errors"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// Parsed returns what an API that takes no raw mail is given in place of m, which is prepared and
// spooled: a prepared message with what [eml.Parse] reads in m.Raw. Where m is not raw, it is m itself.
//
// All that is no content is m's: its identity, what is asked for its delivery, and the envelope. Recipients whom
// the header does not show become Bcc; the only one, where it shows nobody, becomes To, for there is nobody to hide
// from, and such APIs want a To. Where the header shows somebody to whom m does not go, the result needs
// [mailer.FeatureEnvelope], and where m's return path is neither the header's From nor its Sender,
// [mailer.FeatureReturnPath]. A header without From gets m's. A Sender that is the author again, which RFC 5322
// section 3.6.2 says should not be there, is left out: the lack of one says the same.
//
// Its recipients are m's, perhaps in another order and with domains in other letters. m.Raw must stay readable
// until the result has been sent.
//
// The error wraps [mailer.ErrUnsupported] wherever the raw message is what cannot be read: one that carries it as
// it is may take what is invalid here. An error of the source wraps httpapi.ErrSource.
func Parsed(m *mailer.Message) (*mailer.Message, error) {
	if m.Raw.IsZero() {
		return m, nil
	}
	read, err := eml.Parse(m.Raw)
	switch {
	case errors.Is(err, eml.ErrSource):
		return nil, SourceError(err)
	case err != nil:
		return nil, unparsed(err)
	}
	p := *m
	p.Raw = mailer.Content{}
	p.From, p.Sender, p.ReplyTo = read.From, read.Sender, read.ReplyTo
	p.To, p.Cc, p.Bcc = read.To, read.Cc, hidden(m.Recipients(), read.To, read.Cc)
	p.Subject, p.Text, p.HTML = read.Subject, read.Text, read.HTML
	p.Alternatives, p.Attachments, p.Headers = read.Alternatives, read.Attachments, read.Headers
	if len(p.To)+len(p.Cc) == 0 && len(p.Bcc) == 1 {
		p.To, p.Bcc = p.Bcc, nil
	}
	if p.From.Address == "" {
		p.From = m.From
	}
	if mailbox(p.Sender.Address) == mailbox(p.From.Address) && (p.Sender.Name == "" || p.Sender.Name == p.From.Name) {
		p.Sender = mailer.Address{}
	}
	return underEnvelope(&p, m)
}

// underEnvelope prepares p, whose header says who is shown, for the envelope of m.
func underEnvelope(p, m *mailer.Message) (*mailer.Message, error) {
	p.ReturnPath = ""
	prepared, err := mailer.Prepare(p)
	if err == nil && !isShownSender(m.EnvelopeFrom(), prepared) {
		p.ReturnPath = cmp.Or(m.EnvelopeFrom(), "<>")
		prepared, err = mailer.Prepare(p)
	}
	if err == nil {
		prepared, err = mailer.Narrow(prepared, m.Recipients())
	}
	if err != nil {
		return nil, unparsed(err)
	}
	return prepared, nil
}

// isShownSender reports whether the header of m says that the message is from path.
func isShownSender(path string, m *mailer.Message) bool {
	return path != "" && (isSame(path, m.From.Address) || isSame(path, m.Sender.Address))
}

// hidden returns the recipients who are not shown.
func hidden(recipients []string, shown ...[]mailer.Address) []mailer.Address {
	seen := make(map[string]bool)
	for _, list := range shown {
		for i := range list {
			seen[mailbox(list[i].Address)] = true
		}
	}
	var rest []mailer.Address
	for _, r := range recipients {
		if !seen[mailbox(r)] {
			rest = append(rest, mailer.Address{Address: r})
		}
	}
	return rest
}

// mailbox is equal for addresses that envelopes take for one: the case of the domain does not matter.
func mailbox(address string) string {
	at := strings.LastIndexByte(address, '@') + 1
	return address[:at] + fold(address[at:])
}

// unparsed is about a raw message that other providers may carry, whatever is wrong with it for this one.
func unparsed(err error) error {
	reason := strings.TrimPrefix(err.Error(), "eml: ")
	for _, kind := range [...]error{mailer.ErrUnsupported, mailer.ErrInvalidMessage} {
		reason = strings.TrimPrefix(reason, kind.Error()+": ")
	}
	return Unsupported("Raw cannot be taken apart: %s", reason)
}
