package sendgrid

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// provider is what receipts call this kind of provider.
const provider = "sendgrid"

// Client sends messages through SendGrid's v3 Mail Send API. It is safe for concurrent use.
type Client struct {
	cfg Config
	api httpapi.API
}

var (
	_ mailer.Sender   = (*Client)(nil)
	_ mailer.Checker  = (*Client)(nil)
	_ mailer.Closer   = (*Client)(nil)
	_ mailer.Capable  = (*Client)(nil)
	_ mailer.Named    = (*Client)(nil)
	_ mailer.Resolver = (*Client)(nil)
)

// New returns a Client. It opens no connection. The error names the field of cfg that is wrong.
func New(cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	client, err := httpapi.New(cfg.http())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", provider, err)
	}
	if cfg.Name == "" {
		cfg.Name = client.Host()
	}
	return &Client{cfg: cfg, api: httpapi.API{
		Client: client, Credential: cfg.Key, Authorization: bearer, Replies: replies{}, Distrust5xx: cfg.Treat5xxAsUnknown,
	}}, nil
}

func bearer(key string) string { return "Bearer " + key }

// Send makes one attempt; see [mailer.Sender] for the contract. A pooled connection
// that turns out dead before anything was answered is replaced in silence.
func (c *Client) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	a := c.attempt(ctx)
	m, release, err := mailer.Spool(ctx, msg)
	if err != nil {
		return nil, a.Invalid(err)
	}
	defer release()
	a.Msg = m
	if m, err = apimail.Parsed(m); err != nil {
		return nil, a.Skip(unfit(err), err)
	}
	if a.Degraded, err = fit(m, c.cfg.Strict); err != nil {
		return nil, a.Skip(ledger.MessageUnfit, err)
	}
	body, err := encode(m, a.Msg, &c.cfg)
	if err != nil {
		return nil, a.Skip(unfit(err), err)
	}
	defer body.Release()
	api := c.api
	api.Replies = replies{sandbox: body.sandbox, withoutID: c.cfg.AcceptWithoutID}
	return api.Send(ctx, a, &httpapi.Request{Method: "POST", Path: "/v3/mail/send", Fields: jsonContent, Body: body})
}

var jsonContent = []httpapi.Field{{Name: "Content-Type", Value: "application/json"}}

// unfit is the verdict about a message that was not encoded: it does not fit here, or
// its content cannot be read by anybody.
func unfit(err error) ledger.Verdict {
	if errors.Is(err, mailer.ErrUnsupported) {
		return ledger.MessageUnfit
	}
	return ledger.CallerFault
}

func (c *Client) attempt(ctx context.Context) *ledger.Attempt {
	return &ledger.Attempt{Provider: provider, Route: c.cfg.Name, Gate: mailer.GateFrom(ctx), Start: time.Now()}
}

// Names implements [mailer.Named].
func (c *Client) Names() (kind, route string) { return provider, c.cfg.Name }

// Close ends the Client; see [mailer.Closer].
func (c *Client) Close(ctx context.Context) error { return c.api.Client.Close(ctx) }
