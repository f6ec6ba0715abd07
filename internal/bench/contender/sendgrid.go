package contender

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/sendgrid/rest"
	"github.com/sendgrid/sendgrid-go"
	sgmail "github.com/sendgrid/sendgrid-go/helpers/mail"
)

// A sendGridSession sends as sendgrid.Client does, but with a request of its own for each message: the
// Client writes the body into itself and so cannot be shared. What a client for each caller would allocate
// is the same.
type sendGridSession struct {
	client  *rest.Client
	request rest.Request
}

func openSendGrid(transport transportOf) func(Target, int) ([]Session, error) {
	return func(t Target, callers int) ([]Session, error) {
		request := sendgrid.GetRequest(apiKey, "/v3/mail/send", t.baseURL())
		request.Method = rest.Post
		client := &rest.Client{HTTPClient: &http.Client{Transport: transport(t.clientTLS(), callers)}}
		return same(sendGridSession{client, request}, callers), nil
	}
}

func (s sendGridSession) Send(m *Mail) error {
	request := s.request
	request.Body = sgmail.GetRequestBody(sendGridMail(m))
	resp, err := s.client.SendWithContext(context.Background(), request)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("sendgrid-go: status %d", resp.StatusCode)
	}
	return nil
}

func (s sendGridSession) Close() error {
	s.client.HTTPClient.CloseIdleConnections()
	return nil
}

func sendGridMail(m *Mail) *sgmail.SGMailV3 {
	msg := sgmail.NewV3MailInit(sgmail.NewEmail("", m.From), m.Subject, sgmail.NewEmail("", m.To),
		sgmail.NewContent("text/plain", m.Text))
	if m.Attachment != nil {
		msg.AddAttachment(sgmail.NewAttachment().SetFilename(filepath.Base(m.AttachmentPath)).
			SetType("application/zip").SetContent(base64.StdEncoding.EncodeToString(m.Attachment)))
	}
	return msg
}
