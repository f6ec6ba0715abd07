package rawtest

import (
	"context"
	"maps"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// An api is a provider that takes the parts of a message, and no raw one.
type api struct {
	sender mailer.Sender
	// arrived returns what the provider has, in order; conns counts connections.
	arrived func() []delivered
	conns   func() int
	lose    func() // the reply to the next request, which is accepted
	// refuses says why it does not carry a shape that Parse reads.
	refuses map[string]string
	// nameless: the name of an author is left out, and said so.
	nameless bool
}

// delivered is a message as a provider has it.
type delivered struct {
	subject     string
	from        mailer.Address
	to, cc, bcc []mailer.Address
	replyTo     []mailer.Address
	forms       []form
	files       []file
	headers     map[string]string
	messageID   string
}

// A form is one of the body, in UTF-8.
type form struct{ kind, text string }

// A file is an attachment; inline has its ContentID.
type file struct {
	name, kind, inline string
	octets             []byte
}

func overSendGrid(t *testing.T) *api {
	t.Helper()
	server := sendgridtest.Start(t, sendgridtest.Config{Key: "SG.key-0123456789"})
	client, err := sendgrid.New(sendgrid.Config{
		Key: mailer.NewSecret(server.Key()), BaseURL: server.URL(), AllowPlaintext: true, ResolveByLogs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return &api{
		sender: client, refuses: unfitForSendGrid, conns: func() int { return server.Stats().Conns },
		lose: func() { server.Next(sendgridtest.Fault{Kind: sendgridtest.Withhold, Accept: true}) },
		arrived: func() (all []delivered) {
			for _, m := range server.Messages() {
				all = append(all, ofSendGrid(&m))
			}
			return all
		},
	}
}

func ofSendGrid(m *sendgridtest.Message) delivered {
	d := delivered{
		subject: m.Subject, from: named(m.From), to: allNamed(m.To), cc: allNamed(m.Cc), bcc: allNamed(m.Bcc),
		replyTo: allNamed(m.ReplyTo), headers: m.Headers, messageID: m.Header("Message-ID"),
	}
	for _, c := range m.Contents {
		d.forms = append(d.forms, form{c.Type, c.Value})
	}
	for _, a := range m.Attachments {
		d.files = append(d.files, file{a.Filename, a.Type, a.ContentID, a.Content})
	}
	return d
}

// overACS leaves the types of attachments to the service where anyType is set.
func overACS(t *testing.T, anyType bool) *api {
	t.Helper()
	server := acstest.Start(t, acstest.Config{})
	client, err := acs.New(acs.Config{
		Endpoint: server.Endpoint(), Key: mailer.NewSecret(server.Key()), AllowPlaintext: true, AnyAttachmentType: anyType,
		Quota: acs.Quota{PerMinute: -1, PerHour: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	refuses := maps.Clone(unfitForACS)
	maps.Copy(refuses, unlistedForACS)
	return &api{
		sender: client, nameless: true, refuses: refuses, conns: func() int { return server.Stats().Conns },
		lose: func() { server.Next(acstest.Fault{Kind: acstest.Withhold, Accept: true}) },
		arrived: func() (all []delivered) {
			for _, m := range server.Messages() {
				all = append(all, ofACS(&m))
			}
			return all
		},
	}
}

func ofACS(m *acstest.Message) delivered {
	d := delivered{
		subject: m.Subject, from: mailer.Address{Address: m.Sender}, to: allNamed(m.To), cc: allNamed(m.Cc), bcc: allNamed(m.Bcc),
		replyTo: allNamed(m.ReplyTo), headers: m.Headers, messageID: m.Header("Message-ID"),
	}
	for _, f := range []form{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		if f.text != "" {
			d.forms = append(d.forms, f)
		}
	}
	for _, a := range m.Attachments {
		d.files = append(d.files, file{a.Name, a.ContentType, a.ContentID, a.Content})
	}
	return d
}

// named and allNamed make one of the fakes' types of address.
func named[A ~struct{ Email, Name string }](a A) mailer.Address {
	both := struct{ Email, Name string }(a)
	return mailer.Address{Name: both.Name, Address: both.Email}
}

func allNamed[A ~struct{ Email, Name string }](list []A) (all []mailer.Address) {
	for _, a := range list {
		all = append(all, named(a))
	}
	return all
}
