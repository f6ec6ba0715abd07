package sendgrid

import (
	"context"
	"crypto/tls"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// Schemes are the connection strings of this package, for a [dsn.Mux].
var Schemes = dsn.Schemes{{
	Name: "sendgrid", Form: "sendgrid://KEY@default?region=eu", Open: open,
	Params: []string{
		"accept_without_id", "bare_names", "http2", "idle_timeout", "insecure", "max_conns", "region", "reply_timeout",
		"resolve", "sandbox", "stall_timeout", "treat_5xx_as_unknown",
	},
}}

func open(_ context.Context, u *dsn.URL) (mailer.Sender, error) {
	cfg, err := configOf(u)
	if err != nil {
		return nil, err
	}
	client, err := New(cfg)
	if err != nil {
		return nil, err // not client: a nil *Client in a Sender would not be nil
	}
	return client, nil
}

func configOf(u *dsn.URL) (Config, error) {
	key, err := u.Key()
	if err != nil {
		return Config{}, err
	}
	p, common := u.Params(), u.Common()
	cfg := Config{
		Name: common.Name, Timeout: common.Timeout, Strict: common.Strict, Key: key,
		Region:            p.OneOf("region", "us", "global", "eu"),
		AllowPlaintext:    p.Bool("insecure", false),
		HTTP2:             p.Bool("http2", false),
		StallTimeout:      p.Duration("stall_timeout", 0),
		ReplyTimeout:      p.Duration("reply_timeout", 0),
		IdleTimeout:       p.Duration("idle_timeout", 0),
		MaxConns:          p.Int("max_conns", 0),
		Treat5xxAsUnknown: p.Bool("treat_5xx_as_unknown", false),
		Sandbox:           p.Bool("sandbox", false),
		ResolveByLogs:     p.Bool("resolve", false),
		AcceptWithoutID:   p.Bool("accept_without_id", false),
		BareNames:         p.Bool("bare_names", false),
	}
	if common.RootCAs != nil {
		cfg.TLSConfig = &tls.Config{RootCAs: common.RootCAs}
	}
	cfg.BaseURL, err = u.HTTPBase(cfg.AllowPlaintext)
	return cfg, err
}
