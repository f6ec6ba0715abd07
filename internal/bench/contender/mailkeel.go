package contender

import (
	"context"
	"io"
	"path/filepath"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// mailkeels are Mailkeel as its users have it. The peers never replace a connection, so Mailkeel does
// not either, but for one variant.
func mailkeels() []Contender {
	variant := func(name string, change func(*smtp.Config)) Contender {
		return Contender{Name: name, Kind: Ours, Open: func(t Target, callers int) ([]Session, error) {
			return openMailkeel(t, callers, change)
		}}
	}
	return []Contender{
		variant(Mailkeel, func(c *smtp.Config) {}),
		variant(MailkeelData, func(c *smtp.Config) { c.DisableChunking = true }),
		variant(MailkeelOneFlight, func(c *smtp.Config) { c.OneFlight = true }),
		variant(MailkeelDefault, func(c *smtp.Config) { c.MaxMessagesPerConn = 0 }),
	}
}

func openMailkeel(t Target, callers int, change func(*smtp.Config)) ([]Session, error) {
	cfg := smtp.Config{
		Host: t.Host, Port: t.Port, Security: smtp.Plaintext, MaxConns: callers, MaxMessagesPerConn: -1,
	}
	if t.Roots != nil {
		cfg.Security, cfg.TLSConfig = smtp.ImplicitTLS, t.tlsConfig()
	}
	if t.Username != "" {
		cfg.Username, cfg.Password = t.Username, mailer.NewSecret(t.Password)
	}
	change(&cfg)
	client, err := smtp.New(cfg)
	if err != nil {
		return nil, err
	}
	return same(mailkeelSession{client}, callers), nil
}

// A mailkeelSession shares its client with the other callers, as one does.
type mailkeelSession struct {
	client interface {
		mailer.Sender
		mailer.Closer
	}
}

func (s mailkeelSession) Send(m *Mail) error {
	_, err := s.client.Send(context.Background(), mailkeelMessage(m))
	return err
}

func (s mailkeelSession) Close() error { return s.client.Close(context.Background()) }

func mailkeelMessage(m *Mail) *mailer.Message {
	msg := &mailer.Message{
		From:    mailer.Address{Address: m.From},
		To:      []mailer.Address{{Address: m.To}},
		Subject: m.Subject,
		Text:    m.Text,
		HTML:    m.HTML,
	}
	if m.InlinePath != "" {
		msg.Attachments = append(msg.Attachments, mailer.Attachment{
			Name: filepath.Base(m.InlinePath), ContentID: contentID, Content: mailer.File(m.InlinePath),
		})
	}
	if m.AttachmentPath != "" {
		content := mailer.File(m.AttachmentPath)
		if m.Attachment != nil {
			content = mailer.Bytes(m.Attachment)
		}
		msg.Attachments = append(msg.Attachments, mailer.Attachment{Name: filepath.Base(m.AttachmentPath), Content: content})
	}
	return msg
}

// Builders returns the ways to build m.
func Builders(m *Mail) ([]Builder, error) {
	prepared, err := mailer.Prepare(mailkeelMessage(m))
	if err != nil {
		return nil, err
	}
	return []Builder{
		{BuildMailkeel, Ours, func(m *Mail, w io.Writer) error { return render(mailkeelMessage(m), w) }},
		{BuildPrepared, Ours, func(_ *Mail, w io.Writer) error { return render(prepared, w) }},
		{GoMail, Peer, buildGoMail},
		{"gomail.v2", Peer, buildGomail},
		{"limit: by hand", Limit, writeMIME},
	}, nil
}

func render(msg *mailer.Message, w io.Writer) error {
	body, err := eml.Render(msg, eml.Options{EightBit: true})
	if err != nil {
		return err
	}
	defer body.Release()
	_, err = body.WriteTo(w)
	return err
}
