package contender

import (
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
)

func openMailkeelSendGrid(t Target, callers int) ([]Session, error) {
	client, err := sendgrid.New(sendgrid.Config{
		Key: mailer.NewSecret(apiKey), BaseURL: t.baseURL(), AllowPlaintext: t.Roots == nil,
		TLSConfig: t.clientTLS(), MaxConns: callers,
	})
	if err != nil {
		return nil, err
	}
	return same(mailkeelSession{client}, callers), nil
}

func openMailkeelMailgun(t Target, callers int) ([]Session, error) {
	client, err := mailgun.New(mailgun.Config{
		Key: mailer.NewSecret(apiKey), Domain: apiDomain, BaseURL: t.baseURL(), AllowPlaintext: t.Roots == nil,
		TLSConfig: t.clientTLS(), MaxConns: callers,
	})
	if err != nil {
		return nil, err
	}
	return same(mailkeelSession{client}, callers), nil
}
