package sendgrid_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// scopes answers with so many scopes, and one more.
func scopes(n int, last string) *sendgridtest.Fault {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%q,", fmt.Sprintf("some.scope.%d", i))
	}
	a := sendgridtest.Errors(200)
	a.Body = []byte(`{"scopes":[` + b.String() + fmt.Sprintf("%q", last) + `]}`)
	return replying(a)
}

// TestCheck: what the check finds out, and that it sends nothing.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  *sendgridtest.Fault
		server sendgridtest.Config
		client func(*sendgrid.Config)
		scope  mailer.Scope // zero: the check passes
		is     error
	}{
		{name: "all rights"},
		{name: "the right to send alone", server: sendgridtest.Config{Scopes: []string{"mail.send"}}},
		{name: "no right to send", server: sendgridtest.Config{Scopes: []string{"mail.batch.read"}}, scope: account, is: mailer.ErrUnauthorized},
		{name: "no rights", server: sendgridtest.Config{Scopes: []string{}}, scope: account, is: mailer.ErrUnauthorized},
		{name: "many rights", fault: scopes(20_000, "mail.send")},
		{name: "nearly the right", fault: scopes(3, "mail.send2"), scope: account, is: mailer.ErrUnauthorized},
		{name: "may not ask", fault: replying(sendgridtest.Forbidden())},
		{name: "may not ask, says a page", fault: replying(sendgridtest.HTMLPage(403)), scope: account, is: mailer.ErrUnauthorized},
		{name: "may not ask, says nobody", fault: replying(sendgridtest.Answer{Status: 403}), scope: account, is: mailer.ErrUnauthorized},
		{name: "may not ask, empty", fault: replying(sendgridtest.Errors(403)), scope: account, is: mailer.ErrUnauthorized},
		{name: "revoked", fault: replying(sendgridtest.Unauthorized()), scope: account, is: mailer.ErrUnauthorized},
		{name: "another key", client: func(c *sendgrid.Config) { c.Key = mailer.NewSecret("SG.wrong") }, scope: account, is: mailer.ErrUnauthorized},
		{name: "a page", fault: replying(sendgridtest.HTMLSuccess()), scope: provider, is: mailer.ErrUnavailable},
		{name: "no list", fault: replying(sendgridtest.Errors(200)), scope: provider, is: mailer.ErrUnavailable},
		{name: "too large", fault: scopes(80_000, "mail.send"), scope: provider},
		{name: "a gateway", fault: replying(sendgridtest.Gateway(502)), scope: provider},
		{name: "rate limited", fault: replying(sendgridtest.RateLimited()), scope: rate, is: mailer.ErrRateLimited},
		{name: "redirected", fault: replying(sendgridtest.Redirect(302, "https://evil.example")), scope: account},
		{name: "no connection", fault: on(sendgridtest.CloseOnAccept), scope: provider, is: mailer.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, client := start(t, c.server, c.client)
			if c.fault != nil {
				server.Next(*c.fault)
			}
			err := client.Check(t.Context())
			if len(server.Messages()) != 0 {
				t.Error("the check has sent something")
			}
			if c.scope == mailer.ScopeUnknown {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			e := mailer.AsSendError(err)
			if e == nil || e.Scope != c.scope || c.is != nil && !errors.Is(err, c.is) || len(e.Receipt.Recipients) != 0 {
				t.Fatalf("got %v, want scope %v and %v, and no recipients", err, c.scope, c.is)
			}
			t.Log(err)
		})
	}
}
