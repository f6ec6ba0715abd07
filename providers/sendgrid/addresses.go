package sendgrid

import (
	"slices"
	"strings"

	"github.com/sendgrid/sendgrid-go/helpers/mail"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/mailer"
)

// addresses fills in who sends to whom. SendGrid refuses a request that names a recipient
// twice, whatever the case of letters; the first place counts.
func (b *body) addresses() error {
	m := b.msg
	if len(m.To) == 0 {
		return apimail.Unsupported("a message without To recipients")
	}
	n := 1 + len(m.To) + len(m.Cc) + len(m.Bcc) + len(m.ReplyTo)
	b.emails, b.refs = slices.Grow(b.emails, n), slices.Grow(b.refs, n) // so that pointers into them hold
	b.mail.From = b.email(m.From.Name, m.From.Address)

	recipients := b.seen.Reset(n)
	p := &b.personalization
	p.To = b.list(m.To, recipients, b.recipientName)
	p.CC = b.list(m.Cc, recipients, b.recipientName)
	p.BCC = b.list(m.Bcc, recipients, b.recipientName)

	asItIs := func(name string) string { return name }
	switch replyTo := b.list(m.ReplyTo, b.seen.Reset(len(m.ReplyTo)), asItIs); len(replyTo) {
	case 0:
	case 1:
		b.mail.ReplyTo = replyTo[0]
	default:
		b.mail.ReplyToList = replyTo
	}
	return nil
}

func (b *body) email(name, address string) *mail.Email {
	b.emails = append(b.emails, mail.Email{Name: name, Address: address})
	return &b.emails[len(b.emails)-1]
}

// list returns those addresses that are not in seen yet.
func (b *body) list(addresses []mailer.Address, seen *apimail.NameSet, form func(string) string) []*mail.Email {
	start := len(b.refs)
	for i := range addresses {
		if a := &addresses[i]; seen.Add(a.Address) {
			b.refs = append(b.refs, b.email(form(a.Name), a.Address))
		}
	}
	return b.refs[start:len(b.refs):len(b.refs)]
}

// recipientName puts a name in quotes, as RFC 5322 section 3.2.4 has them, when it has a character
// that would end it in a list.
//
// Quirk: the service has taken a bare comma for the end of the address, and dropped the mail
// (https://github.com/sendgrid/sendgrid-python/issues/291), so that the vendor's libraries put quotes
// around such names (sendgrid-nodejs/pull/522, sendgrid-php/pull/511). The one for Python does no more
// since 2021 (sendgrid-python/pull/994), nor does django-anymail since 13.0, which says that the service
// was mended: then the quotes are shown. Of the two mistakes that is the smaller; see Config.BareNames.
func (b *body) recipientName(name string) string {
	if b.cfg.BareNames || !strings.ContainsAny(name, ",;") && !strings.HasPrefix(name, `"`) {
		return name
	}
	return `"` + quotes.Replace(name) + `"`
}

var quotes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
