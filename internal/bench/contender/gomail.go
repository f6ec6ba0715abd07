package contender

import (
	"io"

	"gopkg.in/gomail.v2"
)

type gomailSession struct{ conn gomail.SendCloser }

func openGomail(t Target) (Session, error) {
	d := &gomail.Dialer{Host: t.Host, Port: t.Port, Username: t.Username, Password: t.Password}
	if t.Roots != nil {
		d.SSL, d.TLSConfig = true, t.tlsConfig()
	}
	conn, err := d.Dial()
	if err != nil {
		return nil, err
	}
	return gomailSession{conn}, nil
}

func (s gomailSession) Send(m *Mail) error { return gomail.Send(s.conn, gomailMessage(m)) }

func (s gomailSession) Close() error { return s.conn.Close() }

func gomailMessage(m *Mail) *gomail.Message {
	msg := gomail.NewMessage()
	msg.SetHeader("From", m.From)
	msg.SetHeader("To", m.To)
	msg.SetHeader("Subject", m.Subject)
	msg.SetBody("text/plain", m.Text)
	if m.HTML != "" {
		msg.AddAlternative("text/html", m.HTML)
	}
	if m.InlinePath != "" {
		msg.Embed(m.InlinePath, gomail.SetHeader(map[string][]string{"Content-ID": {"<" + contentID + ">"}}))
	}
	if m.AttachmentPath != "" {
		msg.Attach(m.AttachmentPath)
	}
	return msg
}

func buildGomail(m *Mail, w io.Writer) error {
	_, err := gomailMessage(m).WriteTo(w)
	return err
}
