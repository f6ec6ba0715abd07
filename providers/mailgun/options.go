package mailgun

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// Options is what Mailgun knows of and [mailer.Message] cannot say. It goes, by value or as a
// pointer, into Message.ProviderOptions["mailgun"]. The zero value, like a nil pointer, asks for nothing. What Mailgun
// would refuse is refused with [mailer.ErrUnsupported] before anything is sent, and a text that
// is not UTF-8 with [mailer.ErrInvalidMessage].
type Options struct {
	// TestMode has the message taken and billed, and not delivered. See Config.TestMode for all.
	TestMode bool
	// DKIM overrules the domain's setting.
	DKIM mailer.Switch
	// SecondaryDKIM signs with a second key as well, given as "domain/selector".
	// SecondaryDKIMPublic is the name under which that key is published, in the same form.
	SecondaryDKIM, SecondaryDKIMPublic string
	// RequireTLS delivers over TLS or not at all. SkipVerification delivers to a server
	// whose certificate is not valid. They overrule the domain's settings.
	RequireTLS, SkipVerification mailer.Switch
	// DeliverWithin is how long Mailgun keeps trying: whole minutes from 5 min to 24 h. Zero means its own schedule.
	DeliverWithin time.Duration
	// DeliveryTimeOptimizePeriod lets Mailgun choose the time of delivery within that many whole hours,
	// from 24 to 72. It needs a plan that has it.
	DeliveryTimeOptimizePeriod time.Duration
	// TimeZoneLocalize is the time of day to deliver at in the recipient's zone, as "15:04" or
	// "03:04PM". It needs a plan that has it.
	TimeZoneLocalize string
	// SendingIP is an IP address of the account to send from, SendingIPPool the ID of a pool of them.
	SendingIP, SendingIPPool string
	// ArchiveTo is a URL to which Mailgun posts a copy of every message delivered. It is billed.
	ArchiveTo string
	// SuppressHeaders names further X-Mailgun header fields to leave out of what is delivered, or is
	// "all" alone. X-Mailgun-Variables is left out in any case unless ShowVariables is set.
	SuppressHeaders []string
	// ShowVariables lets the recipient see Metadata, the Message-ID and the idempotency key in
	// the header field X-Mailgun-Variables.
	ShowVariables bool
	// HTMLClicksOnly makes mailer.On for TrackClicks mean the links of the HTML and not those of the text.
	HTMLClicksOnly bool
	// TrackingPixelLocationTop places the pixel that tracks opens at the top.
	TrackingPixelLocationTop mailer.Switch
	// TemplateText makes Mailgun write a text body from the template.
	TemplateText bool
	// RecipientVariables makes the message a batch: everyone in To gets a copy of their own
	// that shows no other address, with %recipient.name% replaced by their values. Its keys are
	// addresses of To; whoever is missing has no values. Cc and Bcc must be empty.
	// A nil map makes no batch, an empty one does.
	RecipientVariables map[string]map[string]any
}

// optionsOf returns what msg asks of Mailgun alone.
func optionsOf(msg *mailer.Message) (Options, error) {
	var o Options
	switch given := msg.ProviderOptions[provider].(type) {
	case nil:
	case Options:
		o = given
	case *Options:
		if given != nil {
			o = *given
		}
	default:
		return o, unsupported("ProviderOptions[%q] is a %T, not a mailgun.Options", provider, given)
	}
	if err := o.check(); err != nil {
		return o, unsupported("mailgun.Options: %w", err)
	}
	return o, nil
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %w", mailer.ErrUnsupported, fmt.Errorf(format, args...))
}

func (o *Options) check() error {
	for _, s := range [...]mailer.Switch{o.DKIM, o.RequireTLS, o.SkipVerification, o.TrackingPixelLocationTop} {
		if s < mailer.SwitchDefault || s > mailer.Off {
			return errors.New("a switch is not one of the named values")
		}
	}
	if o.ArchiveTo != "" && !isWebAddress(o.ArchiveTo) {
		return errors.New("ArchiveTo is not an http or https URL")
	}
	if err := o.checkSigning(); err != nil {
		return err
	}
	return o.checkTimes()
}

func (o *Options) checkSigning() error {
	for _, key := range [...]string{o.SecondaryDKIM, o.SecondaryDKIMPublic} {
		if key != "" && !isSigningKey(key) {
			return errors.New("SecondaryDKIM or SecondaryDKIMPublic is not of the form domain/selector")
		}
	}
	if o.SecondaryDKIMPublic != "" && o.SecondaryDKIM == "" {
		return errors.New("SecondaryDKIMPublic needs SecondaryDKIM")
	}
	return nil
}

func (o *Options) checkTimes() error {
	const hour = time.Hour
	switch w, p := o.DeliverWithin, o.DeliveryTimeOptimizePeriod; {
	case w != 0 && (w < 5*time.Minute || w > 24*hour || w%time.Minute != 0):
		return errors.New("DeliverWithin is not of whole minutes from 5 min to 24 h")
	case p != 0 && (p < 24*hour || p > 72*hour || p%hour != 0):
		return errors.New("DeliveryTimeOptimizePeriod is not of whole hours from 24 h to 72 h")
	case o.TimeZoneLocalize != "" && !isTimeOfDay(o.TimeZoneLocalize):
		return errors.New("TimeZoneLocalize is not of the form 15:04 or 03:04PM")
	}
	return nil
}

func isTimeOfDay(s string) bool {
	for _, layout := range [...]string{"15:04", "03:04PM", "03:04pm"} {
		if t, err := time.Parse(layout, s); err == nil && t.Format(layout) == s {
			return true
		}
	}
	return false
}

func isSigningKey(s string) bool {
	domain, selector, ok := strings.Cut(s, "/")
	return ok && isDomain(domain) && selector != "" && !strings.Contains(selector, "/")
}

func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
