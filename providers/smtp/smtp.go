package smtp

import (
	"context"
	"sync/atomic"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// provider is what receipts call this kind of provider.
const provider = "smtp"

// Client submits messages to one server over a pool of connections. It is safe for
// concurrent use.
type Client struct {
	cfg  Config
	pool *connpool.Pool[*pooled]
	// connected: the server has greeted before, so that a name that no longer resolves is its trouble.
	connected atomic.Bool
	// noChunking: the server offered CHUNKING and then did not know BDAT.
	noChunking atomic.Bool
}

var (
	_ mailer.Sender  = (*Client)(nil)
	_ mailer.Checker = (*Client)(nil)
	_ mailer.Closer  = (*Client)(nil)
	_ mailer.Capable = (*Client)(nil)
	_ mailer.Named   = (*Client)(nil)
)

// New returns a Client. It opens no connection. The error names the field of cfg that is wrong.
func New(cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, pool: connpool.New[*pooled](cfg.MaxConns, cfg.IdleTimeout)}
	c.noChunking.Store(cfg.DisableChunking)
	return c, nil
}

// Capabilities returns what SMTP can carry: all but schedules, templates, tags,
// metadata and tracking. Further limits are the server's and known only when it is asked.
func (c *Client) Capabilities() mailer.Capabilities {
	const lacks = mailer.FeatureSchedule | mailer.FeatureTemplate |
		mailer.FeatureTags | mailer.FeatureMetadata | mailer.FeatureTracking
	return mailer.Capabilities{Features: (mailer.Essential | mailer.Advisory) &^ lacks}
}

// Send makes one attempt; see [mailer.Sender] for the contract. A pooled connection
// that turns out dead before anything was answered is replaced in silence.
//
// Its limits are those of [Config]. Beyond them ctx's deadline limits all, or the
// gate's CommitBy all that comes before the last byte; where there is neither, that has
// 30 s, so a large message over a slow line needs a ctx with a deadline.
func (c *Client) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	a := c.newAttempt(ctx)
	m, release, err := mailer.Spool(ctx, msg)
	if err != nil {
		return nil, a.Invalid(err)
	}
	defer release()
	a.Msg = m
	if err := a.fit(); err != nil {
		return nil, a.unfit(err)
	}
	if a.body, err = eml.Render(m, eml.Options{EightBit: true}); err != nil {
		return nil, a.unfit(err)
	}
	defer a.body.Release()
	a.setLimits(ctx)
	return a.send(ctx)
}

// Names implements [mailer.Named].
func (c *Client) Names() (kind, route string) { return provider, c.cfg.Name }

// Close ends the Client; see [mailer.Closer].
func (c *Client) Close(ctx context.Context) error { return c.pool.Close(ctx) }

// Check connects, protects the connection, authenticates, says NOOP, and leaves; see
// [mailer.Checker]. It opens a connection of its own, which counts among MaxConns: where
// all are in use, it fails with [mailer.ErrRateLimited] after Config.Timeout.
func (c *Client) Check(ctx context.Context) error {
	a := c.newAttempt(ctx)
	a.setLimits(ctx)
	if err := c.pool.Acquire(ctx, a.limits.Envelope); err != nil {
		return a.refuse(&smtpwire.Error{Stage: smtpwire.StageConnect, Err: err})
	}
	defer c.pool.Release()
	c.pool.MakeRoom()
	conn, failed := c.connect(ctx, a)
	if failed != nil {
		return a.refuse(failed)
	}
	conn.Bind(ctx)
	defer conn.Unbind()
	if failed := conn.Noop(a.limits.Envelope); failed != nil {
		c.pool.Drop(conn)
		return a.refuse(failed)
	}
	conn.Quit(a.limits.Envelope)
	c.pool.Drop(conn)
	return nil
}
