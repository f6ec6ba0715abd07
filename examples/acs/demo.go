package main

import (
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// demoDomain is what the demo's resource has linked.
const demoDomain = "mail.example.com"

// A demo is the API on this machine, and an identity whose tokens it takes.
type demo struct{ azure *acstest.Server }

func startDemo() (*demo, error) {
	azure, err := acstest.New(acstest.Config{LinkedDomains: []string{demoDomain}, SenderUsers: []string{"donotreply"}})
	if err != nil {
		return nil, err
	}
	return &demo{azure}, nil
}

// url is in clear text, which is possible with a server on this machine only.
func (d *demo) url() string {
	return "acs://" + d.azure.Addr() + "?name=acs&auth=managed-identity&insecure=true"
}

// mux knows what package providers does, but for the identity.
func (d *demo) mux() dsn.Mux {
	identity := func(acs.Identity) (azcore.TokenCredential, error) { return d.azure.Credential(), nil }
	return dsn.Mux{acs.SchemesWith(identity), sendgrid.Schemes, mailgun.Schemes, smtp.Schemes}
}

// sent is for who tries the program: it shows what the service has.
func (d *demo) sent(w http.ResponseWriter, _ *http.Request) {
	type message struct {
		Operation string   `json:"operation"`
		To        []string `json:"to"`
		Subject   string   `json:"subject"`
		Text      string   `json:"text"`
	}
	list := []message{}
	for _, m := range d.azure.Messages() {
		list = append(list, message{m.OperationID, m.Recipients(), m.Subject, m.Text})
	}
	writeJSON(w, http.StatusOK, list)
}

func (d *demo) close() { d.azure.Close() }
