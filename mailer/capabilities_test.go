package mailer_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// needed says what each field of a message asks for, one row a field and way.
var needed = []struct {
	field string
	set   func(*mailer.Message)
	want  mailer.Feature
}{
	{"Raw", func(m *mailer.Message) { m.Raw = mailer.Bytes(nil) }, mailer.FeatureRaw},
	{"Attachments", func(m *mailer.Message) { m.Attachments = []mailer.Attachment{{}} }, mailer.FeatureAttachments},
	{"Attachments", func(m *mailer.Message) { m.Attachments = []mailer.Attachment{{ContentID: "x"}} }, mailer.FeatureInline},
	{
		"Attachments", func(m *mailer.Message) { m.Attachments = []mailer.Attachment{{ContentID: "x"}, {}} },
		mailer.FeatureInline | mailer.FeatureAttachments,
	},
	{"Alternatives", func(m *mailer.Message) { m.Alternatives = []mailer.Alternative{{}} }, mailer.FeatureAlternatives},
	{"Headers", func(m *mailer.Message) { m.Headers.Add("X", "y") }, mailer.FeatureHeaders},
	{"Unsubscribe", func(m *mailer.Message) { m.Unsubscribe.Mailto = "u@x.org" }, mailer.FeatureHeaders},
	{"Sender", func(m *mailer.Message) { m.Sender.Address = "s@x.org" }, mailer.FeatureSender},
	{"Sender", func(m *mailer.Message) { m.Sender.Address = "ü@x.org" }, mailer.FeatureSender | mailer.FeatureUTF8},
	{"ReturnPath", func(m *mailer.Message) { m.ReturnPath = "r@x.org" }, mailer.FeatureReturnPath},
	{"ReturnPath", func(m *mailer.Message) { m.ReturnPath = "<>" }, mailer.FeatureReturnPath},
	{"ReturnPath", func(m *mailer.Message) { m.ReturnPath = "ü@x.org" }, mailer.FeatureReturnPath | mailer.FeatureUTF8},
	{"SendAt", func(m *mailer.Message) { m.SendAt = someDate }, mailer.FeatureSchedule},
	{"Template", func(m *mailer.Message) { m.Template = &mailer.Template{} }, mailer.FeatureTemplate},
	{"Tags", func(m *mailer.Message) { m.Tags = []string{"t"} }, mailer.FeatureTags},
	{"Metadata", func(m *mailer.Message) { m.Metadata = map[string]string{"k": "v"} }, mailer.FeatureMetadata},
	{"TrackOpens", func(m *mailer.Message) { m.TrackOpens = mailer.Off }, mailer.FeatureTracking},
	{"TrackClicks", func(m *mailer.Message) { m.TrackClicks = mailer.On }, mailer.FeatureTracking},
	{"Priority", func(m *mailer.Message) { m.Priority = mailer.PriorityNormal }, mailer.FeaturePriority},
	{"From", func(m *mailer.Message) { m.From.Name = "Ann" }, mailer.FeatureSenderName},
	{"From", func(m *mailer.Message) { m.From.Address = "ü@x.org" }, mailer.FeatureUTF8},
	{"To", func(m *mailer.Message) { m.To = []mailer.Address{{Address: "ü@x.org"}} }, mailer.FeatureUTF8},
	{"To", func(m *mailer.Message) { m.To = []mailer.Address{{Name: "Ü", Address: "u@ü.org"}} }, 0},
	{"Cc", func(m *mailer.Message) { m.Cc = []mailer.Address{{Address: "ü@x.org"}} }, mailer.FeatureUTF8},
	{"Bcc", func(m *mailer.Message) { m.Bcc = []mailer.Address{{}, {Address: "ü@x.org"}} }, mailer.FeatureUTF8},
	{"ReplyTo", func(m *mailer.Message) { m.ReplyTo = []mailer.Address{{Address: "ü@x.org"}} }, mailer.FeatureUTF8},
	{"DSN", func(m *mailer.Message) { m.DSN.ReturnFull = true }, mailer.FeatureDSN},
	{"To", func(m *mailer.Message) { *m = *narrowed() }, mailer.FeatureEnvelope},
}

// carriedByAll are the fields that ask nothing of a provider: every one can carry
// them, or they concern the router alone, or only one provider reads them.
var carriedByAll = []string{
	"Subject", "Text", "HTML", "Date", "MessageID", "IdempotencyKey", "Delivery", "AllOrNone", "ProviderOptions",
}

func TestNeeds(t *testing.T) {
	if got := mailer.Needs(&mailer.Message{}); got != 0 {
		t.Errorf("the zero message needs %v", got)
	}
	for _, tt := range needed {
		var m mailer.Message
		tt.set(&m)
		if got := mailer.Needs(&m); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.field, got, tt.want)
		}
	}
}

// A new field must be given a feature, or be listed as one that needs none: what no
// feature covers is dropped in silence by adapters that do not know it.
func TestEveryFieldIsDecided(t *testing.T) {
	decided := slices.Clone(carriedByAll)
	for _, row := range needed {
		decided = append(decided, row.field)
	}
	for name := range exportedFields(&mailer.Message{}) {
		if !slices.Contains(decided, name) {
			t.Errorf("Message.%s is neither covered by a Feature nor listed as needing none", name)
		}
	}
	for _, name := range decided {
		if _, exists := reflect.TypeFor[mailer.Message]().FieldByName(name); !exists {
			t.Errorf("Message.%s is listed but does not exist", name)
		}
	}
	for _, name := range carriedByAll {
		m := new(mailer.Message)
		reflect.ValueOf(m).Elem().FieldByName(name).Set(reflect.ValueOf(full()).Elem().FieldByName(name))
		if got := mailer.Needs(m); got != 0 {
			t.Errorf("%s is listed as needing nothing and needs %v", name, got)
		}
	}
}

func TestNeedsOfPreparedMessage(t *testing.T) {
	want := mailer.Needs(full())
	m := mustPrepare(t, full())
	if got := mailer.Needs(m); got != want {
		t.Errorf("got %v after Prepare, want %v", got, want)
	}
	if all := mailer.Essential | mailer.Advisory; want != all&^(mailer.FeatureRaw|mailer.FeatureUTF8|mailer.FeatureEnvelope) {
		t.Errorf("a full message needs %v", want)
	}
	if got := mailer.Needs(mustNarrow(t, m, "bob@example.org")); got != want|mailer.FeatureEnvelope {
		t.Errorf("got %v after Narrow, want the envelope besides", got)
	}
}

// narrowed returns a message that needs nothing but its envelope.
func narrowed() *mailer.Message {
	m, err := mailer.Narrow(&mailer.Message{
		From: mailer.Address{Address: "ann@example.com"}, To: []mailer.Address{{Address: "bob@example.org"}, {Address: "carl@example.org"}},
	}, []string{"carl@example.org"})
	if err != nil {
		panic(err)
	}
	return m
}

func TestFeatureNames(t *testing.T) {
	if mailer.Essential&mailer.Advisory != 0 {
		t.Error("a feature is both essential and advisory")
	}
	var all mailer.Feature
	seen := make(map[string]bool)
	for _, row := range needed {
		all |= row.want
	}
	if all != mailer.Essential|mailer.Advisory {
		t.Errorf("no message asks for %v", (mailer.Essential|mailer.Advisory)&^all)
	}
	for bit := mailer.Feature(1); bit != 0; bit <<= 1 {
		names := bit.Names()
		if known := all&bit != 0; known != (len(names) == 1) {
			t.Errorf("feature %b has the names %q", uint32(bit), names)
			continue
		}
		for _, name := range names {
			if seen[name] || name != strings.ToLower(name) || name != bit.String() {
				t.Errorf("feature %b has the name %q", uint32(bit), name)
			}
			seen[name] = true
		}
	}
	if got := (mailer.FeatureTags | mailer.FeatureRaw).String(); got != "raw,tags" {
		t.Errorf("got %q", got)
	}
	if got := mailer.Feature(0); got.String() != "" || got.Names() != nil {
		t.Errorf("no feature has the name %q", got)
	}
}

func TestFit(t *testing.T) {
	const all = mailer.Essential | mailer.Advisory
	attached, tagged, both := simple(), simple(), simple()
	attached.From.Name, tagged.From.Name, both.From.Name = "", "", ""
	attached.Attachments = []mailer.Attachment{{Content: mailer.Bytes(nil)}}
	tagged.Tags, tagged.Priority = []string{"t"}, mailer.PriorityHigh
	both.Tags, both.Attachments = tagged.Tags, attached.Attachments
	tests := []struct {
		name     string
		c        mailer.Capabilities
		msg      *mailer.Message
		strict   bool
		degraded []string
		err      string // "": none
	}{
		{"everything is there", mailer.Capabilities{Features: all}, full(), true, nil, ""},
		{"nothing is asked", mailer.Capabilities{}, &mailer.Message{}, true, nil, ""},
		{"essential is there", mailer.Capabilities{Features: mailer.FeatureAttachments}, attached, true, nil, ""},
		{"essential is lacking", mailer.Capabilities{Features: all &^ mailer.FeatureAttachments}, attached, false, nil, "unsupported: the message needs attachments"},
		{"advisory is lacking", mailer.Capabilities{Features: mailer.Essential}, tagged, false, []string{"tags", "priority"}, ""},
		{"some advisory is lacking", mailer.Capabilities{Features: mailer.FeatureTags}, tagged, false, []string{"priority"}, ""},
		{"advisory is lacking, strict", mailer.Capabilities{Features: mailer.Essential}, tagged, true, nil, "unsupported: the message needs tags,priority"},
		{"both are lacking", mailer.Capabilities{}, both, false, nil, "unsupported: the message needs attachments"},
		{"both are lacking, strict", mailer.Capabilities{}, both, true, nil, "unsupported: the message needs attachments,tags"},
		{"as many recipients as fit", mailer.Capabilities{Features: all, MaxRecipients: 4}, full(), false, nil, ""},
		{"too many recipients", mailer.Capabilities{Features: all, MaxRecipients: 3}, full(), false, nil, "unsupported: 4 recipients, at most 3 are taken at once"},
		{"the size is not looked at", mailer.Capabilities{Features: all, MaxMessageBytes: 1}, full(), true, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			degraded, err := tt.c.Fit(tt.msg, tt.strict)
			if !slices.Equal(degraded, tt.degraded) {
				t.Errorf("degraded %q, want %q", degraded, tt.degraded)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err || !errors.Is(err, mailer.ErrUnsupported)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

// A recipient that stands in two lists is one.
func TestFitCountsRecipientsOnce(t *testing.T) {
	msg := simple()
	msg.Cc = msg.To
	if _, err := (mailer.Capabilities{Features: mailer.Advisory, MaxRecipients: 1}).Fit(msg, false); err != nil {
		t.Error(err)
	}
}
