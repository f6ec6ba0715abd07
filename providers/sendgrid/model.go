package sendgrid

import "github.com/sendgrid/sendgrid-go/helpers/mail"

// The vendor's model, written down: one function for each type, with all members in its order.

func (j *jsonWriter) mail(m *mail.SGMailV3) {
	object(j, "from", m.From, (*jsonWriter).email)
	j.String("subject", m.Subject)
	objects(j, "personalizations", m.Personalizations, (*jsonWriter).personalization)
	objects(j, "content", m.Content, (*jsonWriter).content)
	objects(j, "attachments", m.Attachments, (*jsonWriter).attachment)
	j.String("template_id", m.TemplateID)
	j.Pairs("sections", m.Sections)
	j.Pairs("headers", m.Headers)
	j.Strings("categories", m.Categories)
	j.Pairs("custom_args", m.CustomArgs)
	j.Int("send_at", m.SendAt)
	j.String("batch_id", m.BatchID)
	object(j, "asm", m.Asm, (*jsonWriter).asm)
	j.String("ip_pool_name", m.IPPoolID)
	object(j, "mail_settings", m.MailSettings, (*jsonWriter).mailSettings)
	object(j, "tracking_settings", m.TrackingSettings, (*jsonWriter).trackingSettings)
	object(j, "reply_to", m.ReplyTo, (*jsonWriter).email)
	objects(j, "reply_to_list", m.ReplyToList, (*jsonWriter).email)
}

func (j *jsonWriter) personalization(p *mail.Personalization) {
	objects(j, "to", p.To, (*jsonWriter).email)
	object(j, "from", p.From, (*jsonWriter).email)
	objects(j, "cc", p.CC, (*jsonWriter).email)
	objects(j, "bcc", p.BCC, (*jsonWriter).email)
	j.String("subject", p.Subject)
	j.Pairs("headers", p.Headers)
	j.Pairs("substitutions", p.Substitutions)
	j.Pairs("custom_args", p.CustomArgs)
	j.Any("dynamic_template_data", p.DynamicTemplateData)
	j.Strings("categories", p.Categories)
	j.Int("send_at", p.SendAt)
}

func (j *jsonWriter) email(e *mail.Email) {
	j.String("name", e.Name)
	j.String("email", e.Address)
}

func (j *jsonWriter) content(c *mail.Content) {
	j.String("type", c.Type)
	j.BodyText("value", c.Value)
}

func (j *jsonWriter) attachment(a *mail.Attachment) {
	j.String("content", a.Content)
	j.String("type", a.Type)
	j.String("name", a.Name)
	j.String("filename", a.Filename)
	j.String("disposition", a.Disposition)
	j.String("content_id", a.ContentID)
}

func (j *jsonWriter) asm(a *mail.Asm) {
	j.Int("group_id", a.GroupID)
	j.Ints("groups_to_display", a.GroupsToDisplay)
}

func (j *jsonWriter) mailSettings(s *mail.MailSettings) {
	object(j, "bcc", s.BCC, (*jsonWriter).bcc)
	object(j, "bypass_list_management", s.BypassListManagement, (*jsonWriter).setting)
	object(j, "bypass_spam_management", s.BypassSpamManagement, (*jsonWriter).setting)
	object(j, "bypass_bounce_management", s.BypassBounceManagement, (*jsonWriter).setting)
	object(j, "bypass_unsubscribe_management", s.BypassUnsubscribeManagement, (*jsonWriter).setting)
	object(j, "footer", s.Footer, (*jsonWriter).footer)
	object(j, "sandbox_mode", s.SandboxMode, (*jsonWriter).setting)
	object(j, "spam_check", s.SpamCheckSetting, (*jsonWriter).spamCheck)
}

func (j *jsonWriter) trackingSettings(s *mail.TrackingSettings) {
	object(j, "click_tracking", s.ClickTracking, (*jsonWriter).clickTracking)
	object(j, "open_tracking", s.OpenTracking, (*jsonWriter).openTracking)
	object(j, "subscription_tracking", s.SubscriptionTracking, (*jsonWriter).subscriptionTracking)
	object(j, "ganalytics", s.GoogleAnalytics, (*jsonWriter).analytics)
	object(j, "bcc", s.BCC, (*jsonWriter).bcc)
	object(j, "bypass_list_management", s.BypassListManagement, (*jsonWriter).setting)
	object(j, "footer", s.Footer, (*jsonWriter).footer)
	object(j, "sandbox_mode", s.SandboxMode, (*jsonWriter).sandboxMode)
}

func (j *jsonWriter) setting(s *mail.Setting) { j.Bool("enable", s.Enable) }

func (j *jsonWriter) bcc(s *mail.BccSetting) {
	j.Bool("enable", s.Enable)
	j.String("email", s.Email)
}

func (j *jsonWriter) footer(s *mail.FooterSetting) {
	j.Bool("enable", s.Enable)
	j.String("text", s.Text)
	j.String("html", s.Html)
}

func (j *jsonWriter) spamCheck(s *mail.SpamCheckSetting) {
	j.Bool("enable", s.Enable)
	j.Int("threshold", s.SpamThreshold)
	j.String("post_to_url", s.PostToURL)
}

func (j *jsonWriter) sandboxMode(s *mail.SandboxModeSetting) {
	j.Bool("enable", s.Enable)
	j.Bool("forward_spam", s.ForwardSpam)
	object(j, "spam_check", s.SpamCheck, (*jsonWriter).spamCheck)
}

func (j *jsonWriter) clickTracking(s *mail.ClickTrackingSetting) {
	j.Bool("enable", s.Enable)
	j.Bool("enable_text", s.EnableText)
}

func (j *jsonWriter) openTracking(s *mail.OpenTrackingSetting) {
	j.Bool("enable", s.Enable)
	j.String("substitution_tag", s.SubstitutionTag)
}

func (j *jsonWriter) subscriptionTracking(s *mail.SubscriptionTrackingSetting) {
	j.Bool("enable", s.Enable)
	j.String("text", s.Text)
	j.String("html", s.Html)
	j.String("substitution_tag", s.SubstitutionTag)
}

func (j *jsonWriter) analytics(s *mail.GaSetting) {
	j.Bool("enable", s.Enable)
	j.String("utm_source", s.CampaignSource)
	j.String("utm_term", s.CampaignTerm)
	j.String("utm_content", s.CampaignContent)
	j.String("utm_campaign", s.CampaignName)
	j.String("utm_medium", s.CampaignMedium)
}
