package contender

import (
	"io"
	netsmtp "net/smtp"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// dataClient is what net/smtp and go-smtp have in common: they send bytes that somebody else has made.
type dataClient interface {
	Quit() error
}

type bytesSession struct {
	dataClient
	data func(from, to string) (io.WriteCloser, error)
}

func (s bytesSession) Send(m *Mail) error {
	w, err := s.data(m.From, m.To)
	if err != nil {
		return err
	}
	if err := writeMessage(m, w); err != nil {
		return err
	}
	return w.Close()
}

func (s bytesSession) Close() error { return s.Quit() }

// writeMessage writes what is ready, else what is made by hand.
func writeMessage(m *Mail, w io.Writer) error {
	if len(m.Ready) > 0 {
		_, err := w.Write(m.Ready)
		return err
	}
	return writeMIME(m, w)
}

func openNetSMTP(t Target) (Session, error) {
	nc, err := t.dial()
	if err != nil {
		return nil, err
	}
	c, err := netsmtp.NewClient(nc, t.Host)
	if err != nil {
		return nil, err
	}
	if t.Username != "" {
		if err := c.Auth(netsmtp.PlainAuth("", t.Username, t.Password, t.Host)); err != nil {
			return nil, err
		}
	}
	return bytesSession{c, func(from, to string) (io.WriteCloser, error) {
		if err := c.Mail(from); err != nil {
			return nil, err
		}
		if err := c.Rcpt(to); err != nil {
			return nil, err
		}
		return c.Data()
	}}, nil
}

func openEmersion(t Target) (Session, error) {
	nc, err := t.dial()
	if err != nil {
		return nil, err
	}
	c := smtp.NewClient(nc)
	if t.Username != "" {
		if err := c.Auth(sasl.NewPlainClient("", t.Username, t.Password)); err != nil {
			return nil, err
		}
	}
	return bytesSession{c, func(from, to string) (io.WriteCloser, error) {
		if err := c.Mail(from, nil); err != nil {
			return nil, err
		}
		if err := c.Rcpt(to, nil); err != nil {
			return nil, err
		}
		return c.Data()
	}}, nil
}
