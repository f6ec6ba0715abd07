package smtp

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// Schemes are the connection strings of this package, for a [dsn.Mux].
var Schemes = append(dsn.Schemes{
	{Name: "smtp", Form: "smtp://user:pass@host:587", Params: params, Open: opener(STARTTLS)},
	{Name: "smtps", Form: "smtps://user:pass@host:465", Params: params, Open: opener(ImplicitTLS)},
	{
		Name: "smtp+plaintext", Form: "smtp+plaintext://localhost:2525",
		Params: append([]string{"allow_plaintext"}, params...), Open: opener(Plaintext),
	},
}, presetSchemes()...)

var params = []string{
	"auth", "chunking", "idle_timeout", "local_name", "max_conns", "max_messages", "one_flight", "reply_timeout", "stall_timeout",
}

func opener(security Security) func(context.Context, *dsn.URL) (mailer.Sender, error) {
	return func(_ context.Context, u *dsn.URL) (mailer.Sender, error) {
		if u.IsDefaultHost() {
			return nil, errors.New("this scheme has no default host: name one")
		}
		return newSender(configOf(u, security))
	}
}

func newSender(cfg Config) (mailer.Sender, error) {
	client, err := New(cfg)
	if err != nil {
		return nil, err // not client: a nil *Client in a Sender would not be nil
	}
	return client, nil
}

func configOf(u *dsn.URL, security Security) Config {
	p, common := u.Params(), u.Common()
	cfg := Config{
		Name: common.Name, Timeout: common.Timeout, Strict: common.Strict,
		Host: u.Host(), Port: u.Port(), Security: security,
		Username: u.User(), Password: u.Password(),
		Auth:         p.String("auth", ""),
		LocalName:    p.String("local_name", ""),
		StallTimeout: p.Duration("stall_timeout", 0),
		ReplyTimeout: p.Duration("reply_timeout", 0),
		IdleTimeout:  p.Duration("idle_timeout", 0),
		MaxConns:     p.Int("max_conns", 0), MaxMessagesPerConn: p.Int("max_messages", 0),
		DisableChunking: !p.Bool("chunking", true),
		OneFlight:       p.Bool("one_flight", false),
	}
	if security == Plaintext {
		cfg.AllowPlaintext = p.Bool("allow_plaintext", false)
	}
	if common.RootCAs != nil {
		cfg.TLSConfig = &tls.Config{RootCAs: common.RootCAs}
	}
	return cfg
}
