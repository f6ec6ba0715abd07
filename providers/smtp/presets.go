package smtp

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// A preset is a provider's SMTP service by name: what is the same for all of its accounts.
// All of them listen on port 587 for STARTTLS.
type preset struct {
	scheme, form string
	host         string
	euHost       string // for region=eu; empty where there are no regions
	// username is fixed where it is not empty. All the user information is then the password.
	username string
	auth     string // Config.Auth, unless auth= names another mechanism
	maxConns int    // Config.MaxConns, unless max_conns= says otherwise
}

var presets = []preset{
	{
		// Microsoft Learn, communication-services/quickstarts/email/send-email-smtp/smtp-authentication.
		// The user may have | for the dots, or be an SMTP username resource, which is any text. The
		// password is the application's client secret.
		scheme: "acs+smtp", form: "acs+smtp://RESOURCE.APPLICATION.TENANT:${SECRET}@default",
		host: "smtp.azurecomm.net",
	},
	{
		// Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth", and for the
		// connections that a mailbox may have "Message storage and concurrent connection
		// throttling for SMTP Authenticated Submission".
		scheme: "m365+smtp", form: "m365+smtp://app@example.com:${file:TOKEN}@default",
		host: "smtp.office365.com", auth: "XOAUTH2", maxConns: 3,
	},
	{
		// mailgun/documentation, user manual: credentials belong to a domain, not to the account.
		scheme: "mailgun+smtp", form: "mailgun+smtp://postmaster@mg.example.com:password@default",
		host: "smtp.mailgun.org", euHost: "smtp.eu.mailgun.org",
	},
	{
		// sendgrid/docs, "Integrating with the SMTP API". That page does not name the host for keys of
		// EU subusers, which is UNVERIFIED.
		scheme: "sendgrid+smtp", form: "sendgrid+smtp://KEY@default",
		host: "smtp.sendgrid.net", euHost: "smtp.eu.sendgrid.net", username: "apikey",
	},
}

func presetSchemes() dsn.Schemes {
	var schemes dsn.Schemes
	for _, p := range presets {
		schemes = append(schemes, dsn.Scheme{Name: p.scheme, Form: p.form, Params: p.params(), Open: p.open})
	}
	return schemes
}

func (p preset) params() []string {
	if p.euHost == "" {
		return params
	}
	return slices.Concat(params, []string{"region"})
}

func (p preset) open(_ context.Context, u *dsn.URL) (mailer.Sender, error) {
	cfg := configOf(u, STARTTLS)
	cfg.Auth = cmp.Or(cfg.Auth, p.auth)
	cfg.MaxConns = cmp.Or(cfg.MaxConns, p.maxConns)
	if err := p.setHost(&cfg, u); err != nil {
		return nil, err
	}
	if err := p.setUser(&cfg, u); err != nil {
		return nil, err
	}
	return newSender(cfg)
}

// setHost puts the provider's own host in the place of "default". Another one stands as it
// is: a region, which it would belie, is refused then.
func (p preset) setHost(cfg *Config, u *dsn.URL) error {
	region := "us"
	if p.euHost != "" {
		region = u.Params().OneOf("region", "us", "eu")
	}
	switch {
	case !u.IsDefaultHost():
		if p.euHost != "" && u.Params().Has("region") {
			return errors.New("region goes with the host default alone")
		}
	case u.Port() != 0:
		return errors.New("the host default takes no port: name the host as well")
	case region == "eu":
		cfg.Host = p.euHost
	default:
		cfg.Host = p.host
	}
	return nil
}

// setUser insists on credentials, without which none of the providers takes a message.
func (p preset) setUser(cfg *Config, u *dsn.URL) error {
	if p.username != "" {
		key, err := u.Key()
		cfg.Username, cfg.Password = p.username, key
		return err
	}
	if cfg.Password == nil {
		return errors.New("a user and a password are needed: the form is " + p.form)
	}
	return nil
}
