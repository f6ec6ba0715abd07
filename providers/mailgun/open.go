package mailgun

import (
	"context"
	"crypto/tls"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// Schemes are the connection strings of this package, for a [dsn.Mux].
var Schemes = dsn.Schemes{{
	Name: "mailgun", Form: "mailgun://KEY@default?domain=mg.example.com", Params: params, Open: open,
}}

var params = []string{
	"domain", "http2", "idle_timeout", "insecure", "max_conns", "max_message_bytes", "max_schedule", "max_tags",
	"region", "reply_timeout", "resolve", "sending_key", "stall_timeout", "test_mode", "treat_5xx_as_unknown",
}

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
		Domain:            p.String("domain", ""),
		Region:            p.OneOf("region", "us", "eu"),
		SendingKey:        p.Bool("sending_key", false),
		AllowPlaintext:    p.Bool("insecure", false),
		HTTP2:             p.Bool("http2", false),
		StallTimeout:      p.Duration("stall_timeout", 0),
		ReplyTimeout:      p.Duration("reply_timeout", 0),
		IdleTimeout:       p.Duration("idle_timeout", 0),
		MaxConns:          p.Int("max_conns", 0),
		MaxTags:           p.Int("max_tags", 0),
		MaxSchedule:       p.Duration("max_schedule", 0),
		MaxMessageBytes:   int64(p.Int("max_message_bytes", 0)),
		TestMode:          p.Bool("test_mode", false),
		ResolveByEvents:   p.Bool("resolve", false),
		Treat5xxAsUnknown: p.Bool("treat_5xx_as_unknown", false),
	}
	if common.RootCAs != nil {
		cfg.TLSConfig = &tls.Config{RootCAs: common.RootCAs}
	}
	cfg.BaseURL, err = u.HTTPBase(cfg.AllowPlaintext)
	return cfg, err
}
