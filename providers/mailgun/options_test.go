package mailgun_test

import (
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/mailgun"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

func TestOptions(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, nil)
	m := simple()
	m.TrackClicks = mailer.On
	m.SendAt = time.Now().Add(time.Hour).Truncate(time.Second).Add(time.Millisecond)
	_, got := r.accepted(withOptions(m, mailgun.Options{
		TestMode: true, DKIM: mailer.On, SecondaryDKIM: "example.com/s1", SecondaryDKIMPublic: "example.org/s2",
		RequireTLS: mailer.On, SkipVerification: mailer.Off, DeliverWithin: 90 * time.Minute,
		DeliveryTimeOptimizePeriod: 48 * time.Hour, TimeZoneLocalize: "03:30PM", SendingIP: "192.0.2.1", SendingIPPool: "pool",
		ArchiveTo: "https://example.com/archive", SuppressHeaders: []string{"X-Mailgun-Tag"}, HTMLClicksOnly: true,
		TrackingPixelLocationTop: mailer.On,
	}))
	due := m.SendAt.Add(time.Second).Truncate(time.Second)
	equal(t, "Options", got.Options, map[string]string{
		"testmode": "yes", "dkim": "yes", "secondary-dkim": "example.com/s1", "secondary-dkim-public": "example.org/s2",
		"require-tls": "yes", "skip-verification": "no", "deliver-within": "1h30m", "deliverytime-optimize-period": "48h",
		"time-zone-localize": "03:30PM", "sending-ip": "192.0.2.1", "sending-ip-pool": "pool", "archive-to": "https://example.com/archive",
		"suppress-headers": "X-Mailgun-Variables,X-Mailgun-Tag", "tracking-clicks": "htmlonly", "tracking-pixel-location-top": "yes",
		"deliverytime": due.UTC().Format(time.RFC1123Z),
	})
	if !got.DeliveryTime.Equal(due) {
		t.Errorf("DeliveryTime: got %v, want %v", got.DeliveryTime, due)
	}
}

// TestOptionsByPointer: both forms are taken, and nothing asks for nothing.
func TestOptionsByPointer(t *testing.T) {
	for name, tt := range map[string]struct {
		given any
		want  bool
	}{
		"value":       {mailgun.Options{TestMode: true}, true},
		"pointer":     {&mailgun.Options{TestMode: true}, true},
		"nil pointer": {(*mailgun.Options)(nil), false},
		"nil":         {nil, false},
	} {
		r := newRig(t, mailguntest.Config{}, nil)
		m := simple()
		m.ProviderOptions = map[string]any{"mailgun": tt.given}
		if _, got := r.accepted(m); got.TestMode != tt.want {
			t.Errorf("%s: test mode is %t", name, got.TestMode)
		}
	}
}

// TestTags: Mailgun compares them without case, and one that comes again counts for nothing.
func TestTags(t *testing.T) {
	r := newRig(t, mailguntest.Config{MaxTags: 3}, func(c *mailgun.Config) { c.MaxTags = 3 })
	m := simple()
	m.Tags = []string{"order", "Order", "order", "a", "A", "b"}
	receipt, got := r.accepted(m)
	equal(t, "Tags", got.Tags, []string{"order", "a", "b"})
	equal(t, "Degraded", receipt.Degraded, []string(nil))
	m.Tags = []string{"\u212a", "k"} // the sign of Kelvin folds to k
	receipt, got = r.accepted(m)
	equal(t, "Tags", got.Tags, []string{"k"})
	equal(t, "Degraded", receipt.Degraded, []string{"tags"})
}

func TestTestMode(t *testing.T) {
	r := newRig(t, mailguntest.Config{}, func(c *mailgun.Config) { c.TestMode = true })
	for within, want := range map[time.Duration]string{
		5 * time.Minute: "5m", 24 * time.Hour: "24h", 61 * time.Minute: "1h1m",
	} {
		_, got := r.accepted(withOptions(simple(), mailgun.Options{DeliverWithin: within}))
		if !got.TestMode || got.Options["deliver-within"] != want {
			t.Errorf("got %q, want %q and test mode", got.Options, want)
		}
	}
}
