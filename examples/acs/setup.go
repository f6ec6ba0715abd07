package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/observe"
	"github.com/mailkeel/mailkeel/providers"
)

// A carrier is through what, and from whom, the program sends.
type carrier struct {
	sender mailer.Sender
	from   mailer.Address
	demo   *demo // nil in earnest
}

func (c *carrier) close() {
	if closer, ok := mailer.Find[mailer.Closer](c.sender); ok {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = closer.Close(ctx)
	}
	if c.demo != nil {
		c.demo.close()
	}
}

// setUp reads the environment. It opens no connection, but starts the API on this machine where the environment
// names none.
func setUp(ctx context.Context, getenv func(string) string, log *slog.Logger) (*carrier, error) {
	options := dsn.Options{Observer: observe.NewSlog(log)}
	url, err := primary(getenv)
	if err != nil {
		return nil, err
	}
	if url == "" {
		return setUpDemo(ctx, getenv("BACKUP_URL"), options)
	}
	from, err := mailer.Addresses(getenv("MAILER_FROM"))
	if err != nil || len(from) != 1 {
		return nil, errors.New("MAILER_FROM is not the address to send from, such as donotreply@mail.example.com")
	}
	sender, err := providers.OpenWith(ctx, withBackup(url, getenv("BACKUP_URL")), options)
	if err != nil {
		return nil, err
	}
	return &carrier{sender: sender, from: from[0]}, nil
}

func setUpDemo(ctx context.Context, backup string, options dsn.Options) (*carrier, error) {
	d, err := startDemo()
	if err != nil {
		return nil, err
	}
	sender, err := d.mux().OpenWith(ctx, withBackup(d.url(), backup), options)
	if err != nil {
		d.close()
		return nil, err
	}
	return &carrier{sender: sender, from: mailer.Address{Address: "donotreply@" + demoDomain}, demo: d}, nil
}

// primary returns the connection string that the environment asks for, or "" for none.
func primary(getenv func(string) string) (string, error) {
	url, endpoint := getenv("MAILER_URL"), getenv("ACS_ENDPOINT")
	switch {
	case url != "" && endpoint != "":
		return "", errors.New("MAILER_URL and ACS_ENDPOINT are both set: one of them is wanted")
	case endpoint != "":
		return identityURL(endpoint, getenv("AZURE_CLIENT_ID"))
	}
	return url, nil
}

// identityURL returns the connection string of an endpoint to which the app goes as its managed
// identity. With http:// it has to be on this machine, as in a test.
func identityURL(endpoint, clientID string) (string, error) {
	scheme, host, found := strings.Cut(strings.TrimSuffix(endpoint, "/"), "://")
	if !found || scheme != "https" && scheme != "http" {
		return "", errors.New("ACS_ENDPOINT is not of the form https://contoso.communication.azure.com")
	}
	url := "acs://" + host + "?name=acs&auth=managed-identity"
	if scheme == "http" {
		url += "&insecure=true"
	}
	if clientID != "" {
		url += "&client_id=" + dsn.Escape(clientID)
	}
	return url, nil
}

func withBackup(url, backup string) string {
	if backup == "" {
		return url
	}
	return "failover(" + url + " " + backup + ")"
}
