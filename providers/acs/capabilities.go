package acs

import "github.com/mailkeel/mailkeel/mailer"

// lacking is what the API has no place for.
const lacking = mailer.FeatureAlternatives | mailer.FeatureSender | mailer.FeatureReturnPath |
	mailer.FeatureUTF8 | mailer.FeatureSchedule | mailer.FeatureTemplate | mailer.FeatureEnvelope |
	mailer.FeatureTags | mailer.FeatureMetadata | mailer.FeatureTracking | mailer.FeatureSenderName | mailer.FeatureDSN

// Capabilities implements [mailer.Capable]. FeatureTracking is lacking because it cannot be turned on.
// MaxMessageBytes is of the request, in which attachments take four bytes for three.
func (c *Client) Capabilities() mailer.Capabilities {
	features := (mailer.Essential | mailer.Advisory) &^ lacking
	if c.cfg.APIVersion == oldVersion {
		features &^= mailer.FeatureInline
	}
	return mailer.Capabilities{
		Features: features, MaxRecipients: c.cfg.MaxRecipients, MaxMessageBytes: c.cfg.MaxRequestBytes,
		ReplayWindow: c.cfg.ReplayWindow,
	}
}

// fit returns what is left out of m. That tracking is to be off can be said.
func (c *Client) fit(m *mailer.Message) (degraded []string, err error) {
	able := c.Capabilities()
	if m.TrackOpens != mailer.On && m.TrackClicks != mailer.On {
		able.Features |= mailer.FeatureTracking
	}
	return able.Fit(m, c.cfg.Strict)
}
