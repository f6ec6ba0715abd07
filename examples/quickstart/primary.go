package main

import (
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// linkedDomain is the one from which the primary sends.
const linkedDomain = "example.com"

// A primary is the API of Azure Communication Services Email on this machine, and its
// connection string.
type primary struct {
	*acstest.Server
	url string
}

func startPrimary(certs *testcert.Set, caFile string) (*primary, error) {
	s, err := acstest.New(acstest.Config{TLS: testcert.Server(certs.Valid), LinkedDomains: []string{linkedDomain}})
	if err != nil {
		return nil, err
	}
	return &primary{s, "acs://" + s.Addr() + "?name=primary&key=" + dsn.Escape(s.Key()) + "&ca_file=" + dsn.Escape(caFile)}, nil
}

// loseReply makes the next message be taken without an answer.
func (p *primary) loseReply() { p.Next(acstest.Fault{Kind: acstest.Withhold, Accept: true}) }

// useUpQuota makes the next message be refused, and all others for an hour.
func (p *primary) useUpQuota() { p.Next(acstest.Reply(acstest.RateLimitedFor(time.Hour))) }

// copies returns how many messages the server took for address.
func (p *primary) copies(address string) int {
	n := 0
	for _, m := range p.Messages() {
		if slices.Contains(m.Recipients(), address) {
			n++
		}
	}
	return n
}
