package sendgrid

import (
	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/mailer"
)

// The limits of one request. SendGrid says "30 MB" of the whole of it, attachments in base64
// included; the smaller meaning is taken.
const (
	maxRecipients   = 1000
	maxMessageBytes = 30_000_000
)

var capabilities = mailer.Capabilities{
	Features: (mailer.Essential | mailer.Advisory) &^
		(mailer.FeatureSender | mailer.FeatureReturnPath | mailer.FeatureUTF8 | mailer.FeatureEnvelope | mailer.FeatureDSN),
	MaxRecipients: maxRecipients, MaxMessageBytes: maxMessageBytes,
}

// Capabilities implements [mailer.Capable]. FeatureEnvelope is lacking, for SendGrid makes the
// header of the recipients that it is given. MaxMessageBytes is of the request, in which
// attachments take four bytes for three.
func (c *Client) Capabilities() mailer.Capabilities { return capabilities }

// fit returns what is left out of m: what capabilities lack, tags that are no categories,
// and metadata that events do not bring back.
func fit(m *mailer.Message, strict bool) (degraded []string, err error) {
	if degraded, err = capabilities.Fit(m, strict); err != nil {
		return nil, err
	}
	if _, all := categories(m.Tags); !all {
		if strict {
			return nil, apimail.Unsupported("Tags that are more than %d, or not ASCII", maxCategories)
		}
		degraded = append(degraded, mailer.FeatureTags.String())
	}
	if !comesBack(m.Metadata) {
		if strict {
			return nil, apimail.Unsupported("a Metadata key that SendGrid's events use themselves")
		}
		degraded = append(degraded, mailer.FeatureMetadata.String())
	}
	return degraded, nil
}
