package sendgrid

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/sendgrid/sendgrid-go/helpers/mail"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/mailer"
)

// Options is what only SendGrid knows about a message. It stands by value in
// [mailer.Message.ProviderOptions] under "sendgrid". The zero Options asks for nothing.
type Options struct {
	// UnsubscribeGroup is the group of recipients who may have unsubscribed from such
	// messages; zero means none. GroupsToDisplay are the groups, at most 25, that the
	// page for unsubscribing shows.
	UnsubscribeGroup int
	GroupsToDisplay  []int
	// IPPool names the pool of addresses to send from: 2 to 64 characters.
	IPPool string
	// BatchID, from POST /v3/mail/batch, allows to cancel or pause a scheduled message.
	BatchID string
	// Sandbox has the message checked and not sent; see [Config].
	Sandbox bool

	// BypassListManagement delivers to recipients on any list of suppressions, and
	// excludes the other three, which stand for one list each.
	BypassListManagement        bool
	BypassSpamManagement        bool
	BypassBounceManagement      bool
	BypassUnsubscribeManagement bool

	// Footer is put below the bodies.
	Footer Footer
	// SubscriptionTracking puts a link for unsubscribing into the bodies.
	SubscriptionTracking SubscriptionTracking
	// GoogleAnalytics tags the links for it.
	GoogleAnalytics GoogleAnalytics
	// ClickTrackingInText says whether links in Text are tracked too; see Message.TrackClicks.
	ClickTrackingInText mailer.Switch
	// OpenTrackingTag is replaced by the tracking image, which otherwise stands at the end.
	OpenTrackingTag string

	// Substitutions replace tags such as "-name-" in a message without a template.
	Substitutions map[string]string
}

// A Footer overrides the account's setting where Enable says so.
type Footer struct {
	Enable     mailer.Switch
	Text, HTML string
}

// SubscriptionTracking overrides the account's setting where Enable says so.
type SubscriptionTracking struct {
	Enable mailer.Switch
	// Text and HTML hold the link, where they have <% %> for it.
	Text, HTML string
	// Tag is replaced by the link, which otherwise stands at the end.
	Tag string
}

// GoogleAnalytics overrides the account's setting where Enable says so.
type GoogleAnalytics struct {
	Enable mailer.Switch
	// Source, Medium, Term, Content and Campaign are the utm parameters.
	Source, Medium, Term, Content, Campaign string
}

// optionsOf returns the options of m, which are zero where there are none.
func optionsOf(m *mailer.Message) (Options, error) {
	var o Options
	switch given := m.ProviderOptions[provider].(type) {
	case nil:
	case Options:
		o = given
	case *Options:
		if given != nil {
			o = *given
		}
	default:
		return o, apimail.Unsupported("ProviderOptions[%q] is a %T, not a sendgrid.Options", provider, given)
	}
	return o, nil
}

// check returns what is wrong with o.
func (o *Options) check() error {
	if reflect.ValueOf(o).Elem().IsZero() {
		return nil // as for most messages
	}
	if !isUTF8(reflect.ValueOf(o)) {
		return notUTF8(fmt.Sprintf("ProviderOptions[%q]", provider))
	}
	if err := o.limits(); err != nil {
		return apimail.Unsupported("ProviderOptions[%q]: %v", provider, err)
	}
	return nil
}

func (o *Options) limits() error {
	one := o.BypassSpamManagement || o.BypassBounceManagement || o.BypassUnsubscribeManagement
	switch {
	case o.UnsubscribeGroup < 0 || o.UnsubscribeGroup == 0 && len(o.GroupsToDisplay) > 0:
		return errors.New("GroupsToDisplay needs an UnsubscribeGroup, which is above zero")
	case len(o.GroupsToDisplay) > 25:
		return errors.New("GroupsToDisplay are more than 25")
	case o.IPPool != "" && (len(o.IPPool) < 2 || len(o.IPPool) > 64):
		return errors.New("IPPool is not of 2 to 64 characters")
	case o.BypassListManagement && one:
		return errors.New("BypassListManagement excludes the other three")
	}
	return nil
}

// settings fills in what Options and the switches of the message say.
func (b *body) settings() error {
	o := &b.options
	if o.UnsubscribeGroup != 0 {
		b.mail.Asm = &mail.Asm{GroupID: o.UnsubscribeGroup, GroupsToDisplay: o.GroupsToDisplay}
	}
	b.mail.IPPoolID, b.mail.BatchID = o.IPPool, o.BatchID
	if s := b.mailSettings(); s != (mail.MailSettings{}) {
		set := s // s itself would be on the heap for every message
		b.mail.MailSettings = &set
	}
	if s := b.trackingSettings(); s != (mail.TrackingSettings{}) {
		set := s
		b.mail.TrackingSettings = &set
	}
	return nil
}

func (b *body) mailSettings() (s mail.MailSettings) {
	o := &b.options
	s.SandboxMode = on(b.sandbox)
	s.BypassListManagement = on(o.BypassListManagement)
	s.BypassSpamManagement = on(o.BypassSpamManagement)
	s.BypassBounceManagement = on(o.BypassBounceManagement)
	s.BypassUnsubscribeManagement = on(o.BypassUnsubscribeManagement)
	if f := &o.Footer; f.Enable != mailer.SwitchDefault {
		s.Footer = &mail.FooterSetting{Enable: enable(f.Enable), Text: f.Text, Html: f.HTML}
	}
	return s
}

func on(is bool) *mail.Setting {
	if !is {
		return nil
	}
	return &mail.Setting{Enable: enable(mailer.On)}
}

func (b *body) trackingSettings() (s mail.TrackingSettings) {
	m, o := b.msg, &b.options
	if m.TrackClicks != mailer.SwitchDefault || o.ClickTrackingInText != mailer.SwitchDefault {
		s.ClickTracking = &mail.ClickTrackingSetting{Enable: enable(m.TrackClicks), EnableText: enable(o.ClickTrackingInText)}
	}
	if m.TrackOpens != mailer.SwitchDefault || o.OpenTrackingTag != "" {
		s.OpenTracking = &mail.OpenTrackingSetting{Enable: enable(m.TrackOpens), SubstitutionTag: o.OpenTrackingTag}
	}
	if t := &o.SubscriptionTracking; t.Enable != mailer.SwitchDefault {
		s.SubscriptionTracking = &mail.SubscriptionTrackingSetting{
			Enable: enable(t.Enable), Text: t.Text, Html: t.HTML, SubstitutionTag: t.Tag,
		}
	}
	if g := &o.GoogleAnalytics; g.Enable != mailer.SwitchDefault {
		s.GoogleAnalytics = &mail.GaSetting{
			Enable: enable(g.Enable), CampaignSource: g.Source, CampaignMedium: g.Medium,
			CampaignTerm: g.Term, CampaignContent: g.Content, CampaignName: g.Campaign,
		}
	}
	return s
}

// enable is nil where the account's setting is to be left alone: an explicit false switches off.
func enable(s mailer.Switch) *bool {
	if s == mailer.SwitchDefault {
		return nil
	}
	on := s == mailer.On
	return &on
}
