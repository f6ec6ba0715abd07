// Package providers opens a Sender from a connection string, whatever the provider.
//
//	sender, err := providers.Open(ctx, os.Getenv("MAILER_URL"))
//	if err != nil {
//		return err
//	}
//	defer sender.Close(context.Background())
//
// Several providers are one string too, "failover(smtp://... sendgrid://...)"; package
// dsn has all forms.
//
// It knows every adapter and so links them all. A program that uses one adapter calls
// that package's New, or builds a dsn.Mux of its Schemes.
package providers

import (
	"context"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/sendgrid"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// A Sender is what [Open] returns. Its Close waits for messages under way; see [mailer.Closer].
type Sender interface {
	mailer.Sender
	mailer.Closer
}

// Mux returns the schemes of all adapters.
func Mux() dsn.Mux {
	return dsn.Mux{smtp.Schemes, sendgrid.Schemes, mailgun.Schemes, acs.SchemesWith(entra)}
}

// Open returns the Sender that the connection string s describes: one provider's, or a
// *router.Router over several, as in "failover(smtp://... sendgrid://...)". [mailer.Find]
// finds what it is. Package dsn has the form. Open opens no connection: what is wrong
// with a server shows in the first Send, or in the Sender's Check, found likewise.
func Open(ctx context.Context, s string) (Sender, error) {
	return OpenWith(ctx, s, dsn.Options{})
}

// OpenWith is [Open] with options for the routers that s describes.
func OpenWith(ctx context.Context, s string, options dsn.Options) (Sender, error) {
	sender, err := Mux().OpenWith(ctx, s, options)
	if err != nil {
		return nil, err
	}
	closer, ok := mailer.Find[mailer.Closer](sender)
	if !ok {
		closer = nothingToClose{}
	}
	return opened{sender, closer}, nil
}

// opened adds Close to a Sender that has it somewhere inside, or needs none.
type opened struct {
	mailer.Sender
	mailer.Closer
}

// Unwrap returns the Sender that was opened.
func (o opened) Unwrap() mailer.Sender { return o.Sender }

type nothingToClose struct{}

func (nothingToClose) Close(context.Context) error { return nil }
