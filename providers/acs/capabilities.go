package acs

import (
	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/mailer"
)

// lacking is what the API has no place for. What Tracking can do, fit says.
const lacking = mailer.FeatureRaw | mailer.FeatureAlternatives | mailer.FeatureSender | mailer.FeatureReturnPath |
	mailer.FeatureUTF8 | mailer.FeatureSchedule | mailer.FeatureTemplate | mailer.FeatureEnvelope |
	mailer.FeatureTags | mailer.FeatureMetadata | mailer.FeatureSenderName | mailer.FeatureDSN

// Capabilities implements [mailer.Capable]. FeatureTracking is there for turning tracking off.
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

// fit returns what is left out of m: what capabilities lack, and tracking that is to be on.
func (c *Client) fit(m *mailer.Message) (degraded []string, err error) {
	if degraded, err = c.Capabilities().Fit(m, c.cfg.Strict); err != nil {
		return nil, err
	}
	if m.TrackOpens == mailer.On || m.TrackClicks == mailer.On {
		if c.cfg.Strict {
			return nil, apimail.Unsupported("tracking that is to be on, which is a setting of the domain")
		}
		degraded = append(degraded, mailer.FeatureTracking.String())
	}
	return degraded, nil
}
