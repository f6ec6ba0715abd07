package acs

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// Schemes are the connection strings of this package that have an access key, for a [dsn.Mux].
var Schemes = SchemesWith(nil)

// An Identity is what a connection string says of a credential of Microsoft Entra ID.
type Identity struct {
	// Auth is "managed-identity" or "default".
	Auth string
	// ClientID is that of a user-assigned managed identity; empty means the system-assigned one.
	ClientID string
	// Endpoint is the resource's, whose domain tells the cloud.
	Endpoint string
}

// SchemesWith are [Schemes] that also know the parameter auth: credential makes what it stands for. Package
// providers does so with azidentity, which this package leaves to others.
func SchemesWith(credential func(Identity) (azcore.TokenCredential, error)) dsn.Schemes {
	return dsn.Schemes{{
		Name: provider, Form: "acs://resource.communication.azure.com?key=BASE64", Rewrite: rewrite,
		Params: []string{
			"any_attachment", "api_version", "auth", "client_id", "guard_message_id", "http2", "idle_timeout", "insecure", "key",
			"max_bytes", "max_conns", "max_recipients", "quota", "quota_share", "replay_window", "reply_timeout", "scope",
			"stall_timeout", "treat_5xx_as_unknown", "wait",
		},
		Open: func(_ context.Context, u *dsn.URL) (mailer.Sender, error) {
			cfg, err := configOf(u)
			if err == nil {
				err = authenticate(&cfg, u, credential)
			}
			if err != nil {
				return nil, err
			}
			client, err := New(cfg)
			if err != nil {
				return nil, err // not client: a nil *Client in a Sender would not be nil
			}
			return client, nil
		},
	}}
}

func configOf(u *dsn.URL) (Config, error) {
	if u.IsDefaultHost() {
		return Config{}, errors.New("there is no default host: each resource has its own, as in acs://contoso.communication.azure.com?key=BASE64" +
			" or, as the portal shows it, endpoint=https://contoso.communication.azure.com/;accesskey=BASE64")
	}
	if u.User() != "" {
		return Config{}, errors.New("nothing stands before the host: the access key is the parameter key")
	}
	p, common := u.Params(), u.Common()
	cfg := Config{
		Name: common.Name, Timeout: common.Timeout, Strict: common.Strict,
		Key:               p.Secret("key"),
		Scope:             p.String("scope", ""),
		APIVersion:        p.OneOf("api_version", defaultVersion, oldVersion),
		AllowPlaintext:    p.Bool("insecure", false),
		HTTP2:             p.Bool("http2", false),
		StallTimeout:      p.Duration("stall_timeout", 0),
		ReplyTimeout:      p.Duration("reply_timeout", 0),
		IdleTimeout:       p.Duration("idle_timeout", 0),
		MaxConns:          p.Int("max_conns", 0),
		Treat5xxAsUnknown: p.Bool("treat_5xx_as_unknown", false),
		MaxRecipients:     p.Int("max_recipients", 0),
		MaxRequestBytes:   int64(p.Int("max_bytes", 0)),
		AnyAttachmentType: p.Bool("any_attachment", false),
		GuardMessageID:    p.Bool("guard_message_id", false),
		Wait:              p.Duration("wait", 0),
	}
	if common.RootCAs != nil {
		cfg.TLSConfig = &tls.Config{RootCAs: common.RootCAs}
	}
	var wrong [4]error
	cfg.Quota, wrong[0] = quotaOf(p.String("quota", ""))
	cfg.QuotaShare, wrong[1] = shareOf(p.String("quota_share", ""))
	cfg.ReplayWindow, wrong[2] = windowOf(p.String("replay_window", ""))
	cfg.Endpoint, wrong[3] = u.HTTPBase(cfg.AllowPlaintext)
	return cfg, cmp.Or(wrong[:]...)
}

// authenticate sees to what the parameter auth asks for.
func authenticate(cfg *Config, u *dsn.URL, credential func(Identity) (azcore.TokenCredential, error)) (err error) {
	p := u.Params()
	id := Identity{
		Auth: p.OneOf("auth", "", "managed-identity", "default"), ClientID: p.String("client_id", ""), Endpoint: cfg.Endpoint,
	}
	switch {
	case id.Auth == "" && id.ClientID != "":
		return errors.New("the parameter client_id is for auth=managed-identity")
	case id.Auth == "default" && id.ClientID != "":
		return errors.New("the parameter client_id is for auth=managed-identity; for auth=default it is the environment variable AZURE_CLIENT_ID")
	case id.Auth == "" && cfg.Key == nil:
		return errors.New("neither the parameter key nor auth is there: one says how to authenticate; in the portal's form it is accesskey")
	case id.Auth == "":
		return nil
	case cfg.Key != nil:
		return errors.New("the parameters key and auth are both there: one of them is wanted")
	case credential == nil:
		return errors.New("the parameter auth needs package providers, or the schemes of acs.SchemesWith")
	}
	cfg.Credential, err = credential(id)
	return err
}

// quotaOf reads "30/100", which is per minute and per hour, or "none".
func quotaOf(s string) (Quota, error) {
	switch s {
	case "":
		return Quota{}, nil
	case "none":
		return Quota{PerMinute: -1, PerHour: -1}, nil
	}
	minute, hour, _ := strings.Cut(s, "/")
	m, wrongMinute := strconv.Atoi(minute)
	h, wrongHour := strconv.Atoi(hour)
	if wrongMinute != nil || wrongHour != nil || m < 1 || h < 1 {
		return Quota{}, errors.New(`the parameter quota is not of the form 30/100, messages per minute and per hour, or none`)
	}
	return Quota{PerMinute: m, PerHour: h}, nil
}

// shareOf reads "1/4".
func shareOf(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	of, found := strings.CutPrefix(s, "1/")
	n, err := strconv.Atoi(of)
	if !found || err != nil || n < 1 {
		return 0, errors.New("the parameter quota_share is not of the form 1/4, for one of four instances")
	}
	return n, nil
}

// windowOf reads a duration, or "off".
func windowOf(s string) (time.Duration, error) {
	switch d, err := time.ParseDuration(s); {
	case s == "":
		return 0, nil
	case s == "off":
		return -1, nil
	case err != nil || d <= 0:
		return 0, errors.New("the parameter replay_window is not a duration above zero, such as 5m, or off")
	default:
		return d, nil
	}
}
