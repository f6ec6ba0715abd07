package mailgun

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// The names under which the identity of a message stands in Mailgun's events. Metadata may
// not begin like them.
const (
	reserved         = "mailkeel_"
	variableID       = reserved + "message_id"
	variableKey      = reserved + "key"
	variableEnvelope = reserved + "envelope"
	variablesName    = "X-Mailgun-Variables"
)

const (
	// maxParameterBytes is for the o:, h:, v: and t: parameters together.
	maxParameterBytes = 16 << 10
	maxTagBytes       = 128
)

// parameters adds what both endpoints take.
func (e *encoder) parameters() error {
	e.tags()
	if err := e.variables(); err != nil {
		return err
	}
	if err := e.schedule(); err != nil {
		return err
	}
	e.tracking()
	e.options()
	return nil
}

// tags adds those that Mailgun takes; the others are left out. One that it has already, for it compares
// them without case, is not missing.
func (e *encoder) tags() {
	added := 0
	for i, tag := range e.m.Tags {
		switch {
		case len(tag) > maxTagBytes || !isPrintable(tag):
			e.degrade(mailer.FeatureTags)
		case hasTag(e.m.Tags[:i], tag):
		case e.cfg.MaxTags >= 0 && added == e.cfg.MaxTags:
			e.degrade(mailer.FeatureTags)
		default:
			e.field("o:tag", tag)
			added++
		}
	}
}

// hasTag compares with tags of the same length, for a letter outside ASCII may fold to one of ASCII.
func hasTag(tags []string, tag string) bool {
	return slices.ContainsFunc(tags, func(t string) bool { return len(t) == len(tag) && strings.EqualFold(t, tag) })
}

// variables adds the identity and the metadata, in the order of its names so that every
// attempt is the same. A name that a form cannot hold is left out.
func (e *encoder) variables() error {
	e.field("v:"+variableID, e.m.MessageID)
	e.field("v:"+variableKey, e.m.IdempotencyKey)
	e.field("v:"+variableEnvelope, httpapi.EnvelopeID(e.m.Recipients()))
	if len(e.m.Metadata) == 0 {
		return nil
	}
	keys := make([]string, 0, len(e.m.Metadata)) // cheaper than maps.Keys
	for key := range e.m.Metadata {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if strings.HasPrefix(key, reserved) {
			return unsupported("Metadata has a key that begins with %s", reserved)
		}
		if !isPartName(key) {
			e.degrade(mailer.FeatureMetadata)
			continue
		}
		e.field("v:"+key, e.m.Metadata[key])
	}
	return nil
}

// schedule adds SendAt, in whole seconds and never earlier. A time that has come asks for nothing.
func (e *encoder) schedule() error {
	at := e.m.SendAt
	if at.IsZero() || !at.After(e.now) {
		return nil
	}
	if limit := e.cfg.MaxSchedule; limit >= 0 && at.Sub(e.now) > limit {
		return unsupported("SendAt is more than %v ahead", limit)
	}
	e.field("o:deliverytime", at.Add(time.Second-time.Nanosecond).UTC().Format(time.RFC1123Z))
	return nil
}

func (e *encoder) tracking() {
	e.yesOrNo("o:tracking-opens", e.m.TrackOpens)
	if e.m.TrackClicks == mailer.On && e.o.HTMLClicksOnly {
		e.field("o:tracking-clicks", "htmlonly")
		return
	}
	e.yesOrNo("o:tracking-clicks", e.m.TrackClicks)
}

// options adds what Message cannot say.
func (e *encoder) options() {
	o := e.o
	if o.TestMode || e.cfg.TestMode {
		e.field("o:testmode", "yes")
	}
	e.yesOrNo("o:dkim", o.DKIM)
	e.yesOrNo("o:require-tls", o.RequireTLS)
	e.yesOrNo("o:skip-verification", o.SkipVerification)
	e.yesOrNo("o:tracking-pixel-location-top", o.TrackingPixelLocationTop)
	e.given("o:secondary-dkim", o.SecondaryDKIM)
	e.given("o:secondary-dkim-public", o.SecondaryDKIMPublic)
	e.given("o:time-zone-localize", o.TimeZoneLocalize)
	e.given("o:sending-ip", o.SendingIP)
	e.given("o:sending-ip-pool", o.SendingIPPool)
	e.given("o:archive-to", o.ArchiveTo)
	if o.DeliverWithin > 0 {
		e.field("o:deliver-within", hoursAndMinutes(o.DeliverWithin))
	}
	if o.DeliveryTimeOptimizePeriod > 0 {
		e.field("o:deliverytime-optimize-period", fmt.Sprintf("%dh", o.DeliveryTimeOptimizePeriod/time.Hour))
	}
	e.given("o:suppress-headers", o.suppressed())
}

// suppressed returns the header fields to leave out.
func (o *Options) suppressed() string {
	switch names := strings.Join(o.SuppressHeaders, ","); {
	case o.ShowVariables || names == "all":
		return names
	case names == "":
		return variablesName
	default:
		return variablesName + "," + names
	}
}

func (e *encoder) yesOrNo(name string, s mailer.Switch) {
	switch s {
	case mailer.On:
		e.field(name, "yes")
	case mailer.Off:
		e.field(name, "no")
	}
}

func (e *encoder) given(name, value string) {
	if value != "" {
		e.field(name, value)
	}
}

// degrade notes that something of an advisory feature is left out.
func (e *encoder) degrade(f mailer.Feature) {
	if name := f.String(); !slices.Contains(e.degraded, name) {
		e.degraded = append(e.degraded, name)
	}
}

// hoursAndMinutes writes 1h30m, 30m and 24h.
func hoursAndMinutes(d time.Duration) string {
	h, m := d/time.Hour, d%time.Hour/time.Minute
	switch {
	case h == 0:
		return fmt.Sprintf("%dm", m)
	case m == 0:
		return fmt.Sprintf("%dh", h)
	}
	return fmt.Sprintf("%dh%dm", h, m)
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
