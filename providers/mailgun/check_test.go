package mailgun_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

const sendingKey = "sending-0123456789abcdef01234567"

func TestCheck(t *testing.T) {
	domain := func(change func(*mailguntest.Domain)) mailguntest.Config {
		d := mailguntest.Domain{Name: mailguntest.DefaultDomain, SendingKey: sendingKey}
		change(&d)
		return mailguntest.Config{Domains: []mailguntest.Domain{d}}
	}
	plain := domain(func(*mailguntest.Domain) {})
	withKey := func(k string, sending bool) func(*mailgun.Config) {
		return func(c *mailgun.Config) { c.Key, c.SendingKey = mailer.NewSecret(k), sending }
	}
	forbids := plain
	forbids.SendingKeyStatus = 403
	down := down
	down.is = mailer.ErrUnavailable
	for name, tt := range map[string]struct {
		server mailguntest.Config
		change func(*mailgun.Config)
		fault  mailguntest.Fault
		want   *verdict // nil: the check passes
		text   string
	}{
		"active":                       {server: plain},
		"unverified":                   {server: domain(func(d *mailguntest.Domain) { d.State = mailguntest.Unverified }), want: &account, text: `"unverified"`},
		"disabled":                     {server: domain(func(d *mailguntest.Domain) { d.State = mailguntest.Disabled }), want: &account, text: `"disabled"`},
		"wrong region":                 {server: domain(func(d *mailguntest.Domain) { d.Region = "eu" }), want: &account, text: "other region"},
		"wrong key":                    {server: plain, change: withKey("wrong-key-0123456789", false), want: &key, text: "sending_key=true"},
		"sending key, as account key":  {server: plain, change: withKey(sendingKey, false), want: &key, text: "sending_key=true"},
		"the same with 403":            {server: forbids, change: withKey(sendingKey, false), want: &key, text: "sending_key=true"},
		"sending key":                  {server: plain, change: withKey(sendingKey, true)},
		"wrong sending key":            {server: plain, change: withKey("wrong-key-0123456789", true), want: &key, text: "Forbidden"},
		"sending key, wrong region":    {server: domain(func(d *mailguntest.Domain) { d.Region = "eu" }), change: withKey(sendingKey, true), want: &account, text: "other region"},
		"sending key, may not send":    {server: plain, change: withKey(sendingKey, true), fault: mailguntest.Reply(mailguntest.NotAllowedToSend("x.example.com", mailguntest.ReasonFree)), want: &account, text: "Free accounts"},
		"sending key, a gateway's 400": {server: plain, change: withKey(sendingKey, true), fault: mailguntest.Reply(mailguntest.HTMLPage(400)), want: &bad},
		"sending key, no API":          {server: plain, change: withKey(sendingKey, true), fault: mailguntest.Reply(mailguntest.MagnificentAPI()), want: &account, text: "BaseURL"},
		"no API":                       {server: plain, fault: mailguntest.Reply(mailguntest.MagnificentAPI()), want: &down, text: "BaseURL"},
		"gateway":                      {server: plain, fault: mailguntest.Reply(mailguntest.Gateway(502)), want: &down},
		"lost":                         {server: plain, fault: mailguntest.Fault{Kind: mailguntest.Withhold}, want: &down},
		"rate limited":                 {server: plain, fault: mailguntest.Reply(mailguntest.RateLimited("x.example.com", "request")), want: &limited},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tt.server, tt.change)
			r.server.Next(tt.fault)
			err := r.client.Check(r.context())
			if tt.want == nil {
				if err != nil {
					t.Errorf("got %v", err)
				}
			} else {
				tt.want.check(t, nil, err)
				if e := mailer.AsSendError(err); e != nil && len(e.Receipt.Recipients) != 0 {
					t.Errorf("recipients of a check: %v", e.Receipt.Recipients)
				}
				if err != nil && (!strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "outcome unknown")) {
					t.Errorf("got %q, want it to say %q, and nothing of a message", err, tt.text)
				}
			}
			if got := len(r.held()); got != 0 {
				t.Errorf("the check sent %d messages", got)
			}
		})
	}
}

func TestCheckCancelled(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	reached := r.server.Next(mailguntest.Fault{Kind: mailguntest.Silence})
	go func() { <-reached; cancel() }()
	err := r.client.Check(ctx)
	verdict{outcome: mailer.NotAccepted, scope: mailer.ScopeCaller, is: context.Canceled}.check(t, nil, err)
	r.server.EndSilences()
}

// rotating yields another key once it was told that the first was refused.
type rotating struct{ refreshed atomic.Bool }

func (k *rotating) Refresh() { k.refreshed.Store(true) }
func (k *rotating) Secret(context.Context) (mailer.Secret, error) {
	if k.refreshed.Load() {
		return mailer.NewSecret(secret), nil
	}
	return mailer.NewSecret("old-key-0123456789"), nil
}

// TestKeyRotates: a source that can fetch another key is asked once more, by all that ask Mailgun.
func TestKeyRotates(t *testing.T) {
	for name, ask := range map[string]func(r *rig) error{
		"Send":  func(r *rig) error { _, err := r.client.Send(r.context(), simple()); return err },
		"Check": func(r *rig) error { return r.client.Check(r.context()) },
		"Resolve": func(r *rig) error {
			_, err := r.client.Resolve(r.context(), prepared(r.t, simple()))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, mailguntest.Config{}, func(c *mailgun.Config) { c.Key, c.ResolveByEvents = &rotating{}, true })
			if err := ask(r); err != nil {
				t.Fatal(err)
			}
			if n := r.server.Stats().Requests; n != 2 {
				t.Errorf("%d requests, want 2", n)
			}
		})
	}
}

// TestKeyChanges: a key is asked for at every request.
func TestKeyChanges(t *testing.T) {
	var current atomic.Value
	current.Store("wrong-key-0123456789")
	r := newRig(t, mailguntest.Config{}, func(c *mailgun.Config) {
		c.Key = mailer.SecretFunc(func(context.Context) (mailer.Secret, error) { return mailer.NewSecret(current.Load().(string)), nil })
	})
	if _, err := r.client.Send(r.context(), simple()); !errors.Is(err, mailer.ErrUnauthorized) {
		t.Fatalf("wrong key: %v", err)
	}
	current.Store(secret)
	r.accepted(simple())
}
