package main

import (
	"slices"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// A backup is SendGrid's API on this machine, and its connection string.
type backup struct {
	*sendgridtest.Server
	url string
}

func startBackup(certs *testcert.Set, caFile string) (*backup, error) {
	s, err := sendgridtest.New(sendgridtest.Config{TLS: testcert.Server(certs.Valid)})
	if err != nil {
		return nil, err
	}
	return &backup{s, "sendgrid://" + s.Key() + "@" + s.Addr() + "?name=backup&ca_file=" + dsn.Escape(caFile)}, nil
}

// copies returns how many messages the server took for address.
func (b *backup) copies(address string) int {
	n := 0
	for _, m := range b.Messages() {
		if slices.Contains(m.Recipients(), address) {
			n++
		}
	}
	return n
}
