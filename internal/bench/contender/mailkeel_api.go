package contender

import (
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
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

// raisedBytes is a limit of a request as Microsoft's support may raise it: with the 10 MB that everybody
// has, no attachment of that size could be sent.
const raisedBytes = 30_000_000

func openMailkeelACS(t Target, callers int) ([]Session, error) {
	client, err := acs.New(acs.Config{
		Key: mailer.NewSecret(acsKey), Endpoint: t.baseURL(), AllowPlaintext: t.Roots == nil,
		TLSConfig: t.clientTLS(), MaxConns: callers, Quota: acs.Quota{PerMinute: -1, PerHour: -1},
		MaxRequestBytes: raisedBytes, AnyAttachmentType: true,
	})
	if err != nil {
		return nil, err
	}
	return same(mailkeelSession{client}, callers), nil
}
