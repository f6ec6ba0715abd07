package contender

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"

	"github.com/mailgun/mailgun-go/v4"
)

// A mailgunSession shares its client with the other callers.
type mailgunSession struct {
	client *mailgun.MailgunImpl
	attach func(*mailgun.Message, *Mail)
}

// addBuffer is the best way for what is in memory, addReader what one does with everything else: the
// library then does not know the size before.
func addBuffer(msg *mailgun.Message, m *Mail) {
	msg.AddBufferAttachment(filepath.Base(m.AttachmentPath), m.Attachment)
}

func addReader(msg *mailgun.Message, m *Mail) {
	content := struct{ io.Reader }{bytes.NewReader(m.Attachment)}
	msg.AddReaderAttachment(filepath.Base(m.AttachmentPath), io.NopCloser(content))
}

func openMailgun(transport transportOf, attach func(*mailgun.Message, *Mail)) func(Target, int) ([]Session, error) {
	return func(t Target, callers int) ([]Session, error) {
		client := mailgun.NewMailgun(apiDomain, apiKey)
		client.SetAPIBase(t.baseURL() + "/v3")
		client.SetClient(&http.Client{Transport: transport(t.clientTLS(), callers)})
		return same(mailgunSession{client, attach}, callers), nil
	}
}

func (s mailgunSession) Send(m *Mail) error {
	msg := mailgun.NewMessage(m.From, m.Subject, m.Text, m.To)
	if m.Attachment != nil {
		s.attach(msg, m)
	}
	_, id, err := s.client.Send(context.Background(), msg)
	if err == nil && id == "" {
		err = errors.New("mailgun-go: no id")
	}
	return err
}

func (s mailgunSession) Close() error {
	s.client.Client().CloseIdleConnections()
	return nil
}
