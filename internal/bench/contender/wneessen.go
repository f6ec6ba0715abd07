package contender

import (
	"context"
	"io"

	"github.com/wneessen/go-mail"
)

type goMailSession struct{ client *mail.Client }

// openGoMail connects. Tuned leaves out the NOOP and the RSET that go-mail says around every message.
func openGoMail(tuned bool) func(Target) (Session, error) {
	return func(t Target) (Session, error) {
		options := []mail.Option{mail.WithPort(t.Port), mail.WithTLSPolicy(mail.NoTLS)}
		if t.Roots != nil {
			options = []mail.Option{mail.WithPort(t.Port), mail.WithSSL(), mail.WithTLSConfig(t.tlsConfig())}
		}
		if t.Username != "" {
			options = append(options, mail.WithSMTPAuth(mail.SMTPAuthPlain),
				mail.WithUsername(t.Username), mail.WithPassword(t.Password))
		}
		if tuned {
			options = append(options, mail.WithoutNoop(), mail.WithoutRset())
		}
		client, err := mail.NewClient(t.Host, options...)
		if err != nil {
			return nil, err
		}
		if err := client.DialWithContext(context.Background()); err != nil {
			return nil, err
		}
		return goMailSession{client}, nil
	}
}

func (s goMailSession) Send(m *Mail) error {
	msg, err := goMailMessage(m)
	if err != nil {
		return err
	}
	return s.client.Send(msg)
}

func (s goMailSession) Close() error { return s.client.Close() }

func goMailMessage(m *Mail) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := msg.From(m.From); err != nil {
		return nil, err
	}
	if err := msg.To(m.To); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	if m.InlinePath != "" {
		msg.EmbedFile(m.InlinePath, mail.WithFileContentID(contentID))
	}
	if m.AttachmentPath != "" {
		msg.AttachFile(m.AttachmentPath)
	}
	return msg, nil
}

func buildGoMail(m *Mail, w io.Writer) error {
	msg, err := goMailMessage(m)
	if err != nil {
		return err
	}
	_, err = msg.WriteTo(w)
	return err
}
