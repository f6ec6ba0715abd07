package sendgrid

import "github.com/sendgrid/sendgrid-go/helpers/mail"

// The vendor's model, written down: one function for each type, with all members in its order.

func (j *jsonWriter) mail(m *mail.SGMailV3) {
	object(j, "from", m.From, (*jsonWriter).email)
	j.string("subject", m.Subject)
	objects(j, "personalizations", m.Personalizations, (*jsonWriter).personalization)
	objects(j, "content", m.Content, (*jsonWriter).content)
	objects(j, "attachments", m.Attachments, (*jsonWriter).attachment)
	j.string("template_id", m.TemplateID)
	j.pairs("sections", m.Sections)
	j.pairs("headers", m.Headers)
	j.strings("categories", m.Categories)
	j.pairs("custom_args", m.CustomArgs)
	j.int("send_at", m.SendAt)
	j.string("batch_id", m.BatchID)
	object(j, "asm", m.Asm, (*jsonWriter).asm)
	j.string("ip_pool_name", m.IPPoolID)
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
	j.string("subject", p.Subject)
	j.pairs("headers", p.Headers)
	j.pairs("substitutions", p.Substitutions)
	j.pairs("custom_args", p.CustomArgs)
	j.any("dynamic_template_data", p.DynamicTemplateData)
	j.strings("categories", p.Categories)
	j.int("send_at", p.SendAt)
}

func (j *jsonWriter) email(e *mail.Email) {
	j.string("name", e.Name)
	j.string("email", e.Address)
}

func (j *jsonWriter) content(c *mail.Content) {
	j.string("type", c.Type)
	j.bodyText("value", c.Value)
}

func (j *jsonWriter) attachment(a *mail.Attachment) {
	j.string("content", a.Content)
	j.string("type", a.Type)
	j.string("name", a.Name)
	j.string("filename", a.Filename)
	j.string("disposition", a.Disposition)
	j.string("content_id", a.ContentID)
}

func (j *jsonWriter) asm(a *mail.Asm) {
	j.int("group_id", a.GroupID)
	j.ints("groups_to_display", a.GroupsToDisplay)
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

func (j *jsonWriter) setting(s *mail.Setting) { j.bool("enable", s.Enable) }

func (j *jsonWriter) bcc(s *mail.BccSetting) {
	j.bool("enable", s.Enable)
	j.string("email", s.Email)
}

func (j *jsonWriter) footer(s *mail.FooterSetting) {
	j.bool("enable", s.Enable)
	j.string("text", s.Text)
	j.string("html", s.Html)
}

func (j *jsonWriter) spamCheck(s *mail.SpamCheckSetting) {
	j.bool("enable", s.Enable)
	j.int("threshold", s.SpamThreshold)
	j.string("post_to_url", s.PostToURL)
}

func (j *jsonWriter) sandboxMode(s *mail.SandboxModeSetting) {
	j.bool("enable", s.Enable)
	j.bool("forward_spam", s.ForwardSpam)
	object(j, "spam_check", s.SpamCheck, (*jsonWriter).spamCheck)
}

func (j *jsonWriter) clickTracking(s *mail.ClickTrackingSetting) {
	j.bool("enable", s.Enable)
	j.bool("enable_text", s.EnableText)
}

func (j *jsonWriter) openTracking(s *mail.OpenTrackingSetting) {
	j.bool("enable", s.Enable)
	j.string("substitution_tag", s.SubstitutionTag)
}

func (j *jsonWriter) subscriptionTracking(s *mail.SubscriptionTrackingSetting) {
	j.bool("enable", s.Enable)
	j.string("text", s.Text)
	j.string("html", s.Html)
	j.string("substitution_tag", s.SubstitutionTag)
}

func (j *jsonWriter) analytics(s *mail.GaSetting) {
	j.bool("enable", s.Enable)
	j.string("utm_source", s.CampaignSource)
	j.string("utm_term", s.CampaignTerm)
	j.string("utm_content", s.CampaignContent)
	j.string("utm_campaign", s.CampaignName)
	j.string("utm_medium", s.CampaignMedium)
}
