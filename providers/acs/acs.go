package acs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// provider is what receipts call this kind of provider.
const provider = "acs"

// Client sends messages through Azure Communication Services Email. It is safe for concurrent use.
type Client struct {
	cfg      Config
	api      httpapi.API
	base     url.URL // of every request; the path differs
	pipeline runtime.Pipeline
	tokens   *tokens // nil where there is a key
	quotas   *quotas

	closed  atomic.Bool
	closing chan struct{}   // closed when Close begins
	life    context.Context //nolint:containedctx // of what outlives a send: fetching tokens
	end     context.CancelFunc
}

var (
	_ mailer.Sender   = (*Client)(nil)
	_ mailer.Checker  = (*Client)(nil)
	_ mailer.Closer   = (*Client)(nil)
	_ mailer.Capable  = (*Client)(nil)
	_ mailer.Named    = (*Client)(nil)
	_ mailer.Resolver = (*Client)(nil)
)

// New returns a Client. It opens no connection and fetches no token. The error names the field
// of cfg that is wrong.
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
	c := &Client{
		cfg: cfg, api: httpapi.API{Client: client, Distrust5xx: cfg.Treat5xxAsUnknown},
		base: client.Base(), quotas: newQuotas(cfg.Quota, cfg.QuotaShare), closing: make(chan struct{}),
	}
	c.base.RawQuery = "api-version=" + cfg.APIVersion
	c.life, c.end = context.WithCancel(context.Background())
	if cfg.Credential != nil {
		c.tokens = newTokens(c.life, &cfg)
		c.cfg.Credential = nil // or a Client that is printed would show it
	}
	c.pipeline = c.newPipeline()
	return c, nil
}

// Send makes one attempt; see [mailer.Sender] for the contract. A request that the service refused
// with 401 is made once more, with a fresh signature or token. Where the service refused it in a way that
// leaves open whether it has the message already, Send asks for the operation, which sends nothing.
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
	if a.Degraded, err = c.fit(m); err != nil {
		return nil, a.Skip(ledger.MessageUnfit, err)
	}
	b, err := encode(m, &c.cfg)
	if err != nil {
		return nil, a.Skip(unfit(err), err)
	}
	defer b.Release()
	return c.deliver(ctx, a, b)
}

// unfit is the verdict about a message that was not encoded: it does not fit here, or
// its content cannot be read by anybody.
func unfit(err error) ledger.Verdict {
	if errors.Is(err, mailer.ErrUnsupported) {
		return ledger.MessageUnfit
	}
	return ledger.CallerFault
}

var errQuota = errors.New("the quota is used up, as far as this process knows")

// deliver makes the request, as far as the quota allows it.
func (c *Client) deliver(ctx context.Context, a *ledger.Attempt, b *body) (*mailer.Receipt, error) {
	from, id := a.Msg.From.Address, OperationID(a.Msg.IdempotencyKey)
	meter, now := c.quotas.send(from), time.Now()
	if wait := meter.take(now, 0); wait > 0 {
		return nil, a.Refuse(ledger.RateLimited, ledger.Reason{RetryAfter: wait}, errQuota)
	}
	seen := &replies{}
	receipt, err := c.post(ctx, a, b, id, seen)
	meter.end(now, time.Now(), hasCounted(a, err))
	if err == nil {
		return c.await(ctx, a, receipt, seen.operation)
	}
	e := mailer.AsSendError(err)
	switch {
	case e.Code == http.StatusTooManyRequests:
		meter.heed(time.Now(), e.RetryAfter)
	case c.isDoubtful(e):
		if receipt, e = c.settle(ctx, a, id, e); e == nil {
			return c.await(ctx, a, receipt, Operation{})
		}
	}
	e.Err = seen.explain(e)
	if e.Outcome == mailer.Unknown {
		identify(e.Receipt, id)
	}
	return nil, e
}

// identify names what the service may have: it is asked for by that name, and a router that hears of its
// acceptance by asking has no other.
func identify(r *mailer.Receipt, id string) {
	r.ProviderMessageID = id
	for i := range r.Recipients {
		r.Recipients[i].ProviderMessageID = id
	}
}

const sendPath = "/emails:send"

// post makes the request.
func (c *Client) post(ctx context.Context, a *ledger.Attempt, b *body, id string, seen *replies) (*mailer.Receipt, error) {
	api := c.api
	api.Replies = seen
	return api.SendBy(ctx, a, func(ctx context.Context) error {
		req, err := c.request(ctx, http.MethodPost, sendPath, b.reader)
		if err != nil {
			return err
		}
		req.Raw().Header["Operation-Id"] = []string{id}
		return c.run(req)
	})
}

func (c *Client) attempt(ctx context.Context) *ledger.Attempt {
	return &ledger.Attempt{Provider: provider, Route: c.cfg.Name, Gate: mailer.GateFrom(ctx), Start: time.Now()}
}

// question is the attempt of something that sends no message, and so has no gate.
func (c *Client) question() *ledger.Attempt {
	return &ledger.Attempt{Provider: provider, Route: c.cfg.Name, Start: time.Now()}
}

// Names implements [mailer.Named].
func (c *Client) Names() (kind, route string) { return provider, c.cfg.Name }

// Close ends the Client; see [mailer.Closer]. Sends that only wait for a terminal status end at
// once, accepted as they are.
func (c *Client) Close(ctx context.Context) error {
	if c.closed.Swap(true) {
		return nil // the first one may still wait for sends, and they for a token
	}
	close(c.closing)
	defer c.end()
	return c.api.Client.Close(ctx)
}
