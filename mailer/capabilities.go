package mailer

import (
	"fmt"
	"strings"
	"time"
)

// A Feature is a set of things that a message may ask for and a provider may lack.
type Feature uint32

// Essential features. A provider that lacks one that a message needs refuses the message.
const (
	// FeatureRaw is [Message.Raw].
	FeatureRaw Feature = 1 << iota
	// FeatureAttachments is an attachment without a ContentID, FeatureInline one with it.
	FeatureAttachments
	FeatureInline
	// FeatureAlternatives is [Message.Alternatives].
	FeatureAlternatives
	// FeatureHeaders is [Message.Headers] and [Message.Unsubscribe].
	FeatureHeaders
	// FeatureSender is [Message.Sender].
	FeatureSender
	// FeatureReturnPath is [Message.ReturnPath].
	FeatureReturnPath
	// FeatureUTF8 is an address with a local part outside ASCII (RFC 6531).
	FeatureUTF8
	// FeatureSchedule is [Message.SendAt].
	FeatureSchedule
	// FeatureTemplate is [Message.Template].
	FeatureTemplate
	// FeatureEnvelope is an envelope with fewer recipients than the header shows; see [Narrow].
	FeatureEnvelope
)

// Advisory features. A provider that lacks one leaves it out and names it in Receipt.Degraded.
const (
	// FeatureTags is [Message.Tags].
	FeatureTags Feature = 1 << (iota + 16)
	// FeatureMetadata is [Message.Metadata].
	FeatureMetadata
	// FeatureTracking is [Message.TrackOpens] and [Message.TrackClicks].
	FeatureTracking
	// FeaturePriority is [Message.Priority].
	FeaturePriority
	// FeatureSenderName is the display name of [Message.From].
	FeatureSenderName
	// FeatureDSN is [Message.DSN].
	FeatureDSN
)

// Essential is the set of all essential features, Advisory that of all advisory ones.
const (
	Essential = FeatureEnvelope<<1 - 1
	Advisory  = (FeatureDSN<<1 - 1) &^ (1<<16 - 1)
)

var featureNames = [32]string{
	0: "raw", 1: "attachments", 2: "inline", 3: "alternatives", 4: "headers", 5: "sender",
	6: "return_path", 7: "utf8", 8: "schedule", 9: "template", 10: "envelope",
	16: "tags", 17: "metadata", 18: "tracking", 19: "priority", 20: "sender_name", 21: "dsn",
}

// Names returns the names of the features in f, such as "tags".
func (f Feature) Names() []string {
	var names []string
	for i, name := range &featureNames {
		if name != "" && f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String returns the names, comma-separated.
func (f Feature) String() string { return strings.Join(f.Names(), ",") }

// Capabilities is what a Sender can carry, as plain data.
type Capabilities struct {
	// Features are the features that are not lacking.
	Features Feature
	// MaxRecipients and MaxMessageBytes are limits for one message; zero means none that is known.
	MaxRecipients   int
	MaxMessageBytes int64
	// ReplayWindow is for how long after an attempt the provider knows the message's
	// IdempotencyKey, so that sending it again there makes no second copy. Zero means that
	// it has no use for keys.
	ReplayWindow time.Duration
}

// Needs returns the features that msg asks for.
func Needs(msg *Message) Feature {
	var f Feature
	need := func(asked bool, feature Feature) {
		if asked {
			f |= feature
		}
	}
	for i := range msg.Attachments {
		need(msg.Attachments[i].ContentID == "", FeatureAttachments)
		need(msg.Attachments[i].ContentID != "", FeatureInline)
	}
	need(!msg.Raw.IsZero(), FeatureRaw)
	need(len(msg.Alternatives) > 0, FeatureAlternatives)
	need(len(msg.Headers) > 0 || !msg.Unsubscribe.isZero(), FeatureHeaders)
	need(msg.Sender.Address != "", FeatureSender)
	need(msg.ReturnPath != "", FeatureReturnPath)
	need(needsUTF8(msg), FeatureUTF8)
	need(!msg.SendAt.IsZero(), FeatureSchedule)
	need(msg.Template != nil, FeatureTemplate)
	need(msg.isNarrow(), FeatureEnvelope)
	need(len(msg.Tags) > 0, FeatureTags)
	need(len(msg.Metadata) > 0, FeatureMetadata)
	need(msg.TrackOpens != SwitchDefault || msg.TrackClicks != SwitchDefault, FeatureTracking)
	need(msg.Priority != PriorityDefault, FeaturePriority)
	need(msg.From.Name != "", FeatureSenderName)
	need(msg.DSN != DSN{}, FeatureDSN)
	return f
}

func needsUTF8(msg *Message) bool {
	for _, list := range [...][]Address{msg.To, msg.Cc, msg.Bcc, msg.ReplyTo} {
		for i := range list {
			if !isASCIILocal(list[i].Address) {
				return true
			}
		}
	}
	return !isASCIILocal(msg.From.Address) || !isASCIILocal(msg.Sender.Address) || !isASCIILocal(msg.ReturnPath)
}

// isASCIILocal looks at the local part alone: a domain outside ASCII has an ASCII form.
func isASCIILocal(spec string) bool {
	for i := range len(spec) {
		if spec[i] == '@' {
			return true
		}
		if spec[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Fit reports what becomes of msg at a Sender with these capabilities: the names of
// the advisory features that it leaves out, or an error that wraps [ErrUnsupported]
// and names what is essential and lacking. With strict, advisory features count as essential.
// The size of the message is not looked at, for it is known only when it is rendered.
func (c Capabilities) Fit(msg *Message, strict bool) (degraded []string, err error) {
	lacking := Needs(msg) &^ c.Features
	if essential := lacking & Essential; essential != 0 || strict && lacking != 0 {
		if strict {
			essential = lacking
		}
		return nil, fmt.Errorf("%w: the message needs %s", ErrUnsupported, essential)
	}
	if n := len(msg.Recipients()); c.MaxRecipients > 0 && n > c.MaxRecipients {
		return nil, fmt.Errorf("%w: %d recipients, at most %d are taken at once", ErrUnsupported, n, c.MaxRecipients)
	}
	return lacking.Names(), nil
}
