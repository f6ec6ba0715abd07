package mailgun_test

import (
	"context"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// patience bounds whatever a broken client could make wait for ever.
const patience = 20 * time.Second

// A rig is a client and the Mailgun that it sends to.
type rig struct {
	t      *testing.T
	server *mailguntest.Server
	client *mailgun.Client
}

// newRig starts both, over plain HTTP. The test fails if the server saw a violation.
func newRig(t *testing.T, server mailguntest.Config, change func(*mailgun.Config)) *rig {
	t.Helper()
	if server.Key == "" {
		server.Key = secret
	}
	r := &rig{t: t, server: mailguntest.Start(t, server)}
	cfg := mailgun.Config{
		Key: mailer.NewSecret(secret), Domain: mailguntest.DefaultDomain, BaseURL: r.server.URL(), AllowPlaintext: true,
	}
	if change != nil {
		change(&cfg)
	}
	r.client = newClient(t, cfg)
	t.Cleanup(func() {
		for _, v := range r.server.Violations() {
			t.Errorf("violation: %s", v)
		}
	})
	return r
}

func newClient(t *testing.T, cfg mailgun.Config) *mailgun.Client {
	t.Helper()
	client, err := mailgun.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func (r *rig) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.t.Cleanup(cancel)
	return ctx
}

// accepted sends m, which must be accepted, and returns it as the server has it.
func (r *rig) accepted(m *mailer.Message) (*mailer.Receipt, mailguntest.Message) {
	r.t.Helper()
	receipt, err := r.client.Send(r.context(), m)
	if err != nil {
		r.t.Fatalf("Send: %v", err)
	}
	held := r.held()
	if len(held) == 0 {
		r.t.Fatal("the server holds nothing")
	}
	return receipt, held[len(held)-1]
}

// held returns what the server holds once nothing is on its way.
func (r *rig) held() []mailguntest.Message {
	r.t.Helper()
	r.server.EndSilences()
	if err := r.server.WaitIdle(r.context()); err != nil {
		r.t.Fatalf("WaitIdle: %v", err)
	}
	return r.server.Messages()
}

func simple() *mailer.Message {
	return &mailer.Message{
		From:    mailer.Address{Name: "Shop", Address: "shop@mg.example.com"},
		To:      []mailer.Address{{Name: "Ann", Address: "ann@example.com"}},
		Subject: "Your order 4711", Text: "Dear Ann,\n\nthank you.\n",
	}
}

// withOptions returns a copy of m that asks for o.
func withOptions(m *mailer.Message, o mailgun.Options) *mailer.Message {
	c := *m
	c.ProviderOptions = map[string]any{"mailgun": o}
	return &c
}

func prepared(t *testing.T, m *mailer.Message) *mailer.Message {
	t.Helper()
	p, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
