package sendertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// asks says how a message asks for each feature. Those that stand alone do not go
// together with the others.
var asks = []struct {
	feature mailer.Feature
	alone   bool
	ask     func(*mailer.Message)
}{
	{mailer.FeatureRaw, true, func(m *mailer.Message) {
		m.Raw = mailer.Bytes([]byte("From: <" + m.From.Address + ">\r\nTo: <ann@example.com>\r\nSubject: " + m.Subject + "\r\n\r\n" + m.Text))
		m.Subject, m.Text = "", ""
	}},
	{mailer.FeatureAttachments, false, func(m *mailer.Message) {
		m.Attachments = append(m.Attachments, mailer.Attachment{Name: "notes.txt", Content: mailer.Bytes([]byte("notes"))})
	}},
	{mailer.FeatureInline, false, func(m *mailer.Message) {
		m.HTML = `<p>this is a test <img src="cid:dot"></p>`
		m.Attachments = append(m.Attachments, mailer.Attachment{Name: "dot.gif", ContentID: "dot", Content: mailer.Bytes([]byte("GIF89a"))})
	}},
	{mailer.FeatureAlternatives, false, func(m *mailer.Message) {
		calendar := []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
		m.Alternatives = []mailer.Alternative{{ContentType: "text/calendar; method=REQUEST", Content: mailer.Bytes(calendar)}}
	}},
	{mailer.FeatureHeaders, false, func(m *mailer.Message) {
		m.Headers = mailer.Header{{Name: "X-Entity-Ref-ID", Value: "4711"}, {Name: "X-Case", Value: "sendertest"}}
	}},
	{mailer.FeatureSender, true, func(m *mailer.Message) { m.Sender = mailer.Address{Address: "secretary@example.com"} }},
	{mailer.FeatureReturnPath, true, func(m *mailer.Message) { m.ReturnPath = "bounces@example.com" }},
	{mailer.FeatureUTF8, true, func(m *mailer.Message) { m.Cc = append(m.Cc, mailer.Address{Address: "jürgen@example.com"}) }},
	{mailer.FeatureSchedule, true, func(m *mailer.Message) { m.SendAt = time.Now().Add(time.Hour).Truncate(time.Second) }},
	{mailer.FeatureTemplate, true, func(m *mailer.Message) {
		m.Template = &mailer.Template{ID: "d-0123456789abcdef0123456789abcdef", Data: map[string]any{"name": "Ann"}}
		m.Text = ""
	}},
	{mailer.FeatureTags, false, func(m *mailer.Message) { m.Tags = []string{"welcome", "test"} }},
	{mailer.FeatureMetadata, false, func(m *mailer.Message) { m.Metadata = map[string]string{"customer": "4711", "order": "12"} }},
	{mailer.FeatureTracking, false, func(m *mailer.Message) { m.TrackOpens, m.TrackClicks = mailer.Off, mailer.On }},
	{mailer.FeaturePriority, false, func(m *mailer.Message) { m.Priority = mailer.PriorityHigh }},
	{mailer.FeatureSenderName, false, func(m *mailer.Message) { m.From.Name = "Sendertest" }},
	{mailer.FeatureDSN, false, func(m *mailer.Message) { m.DSN = mailer.DSN{Notify: mailer.NotifyFailure} }},
}

func featureCases() []testCase {
	var all []testCase
	for _, a := range asks {
		all = append(all, testCase{11, "feature_" + a.feature.String(), func(s *scene) {
			m := s.message()
			a.ask(m)
			s.checkFeature(a.feature, m)
		}})
	}
	return append(all, testCase{11, "number_of_recipients", numberOfRecipients})
}

// checkFeature sends m, which asks for f: it is carried, degraded or refused.
func (s *scene) checkFeature(f mailer.Feature, m *mailer.Message) {
	s.Helper()
	if !s.carries(f) && f&mailer.Essential != 0 {
		s.checkUnsupported(m)
		return
	}
	r := s.accept(context.Background(), m)
	if r.err != nil {
		return
	}
	if named := slices.Contains(r.receipt.Degraded, f.String()); named == s.carries(f) {
		s.broke(rule(11), "capabilities have %s: %t, and Degraded is %q", f, s.carries(f), r.receipt.Degraded)
	}
}

func (s *scene) carries(f mailer.Feature) bool { return s.capabilities.Features&f != 0 }

// checkUnsupported sends m, which asks for something essential that is lacking.
func (s *scene) checkUnsupported(m *mailer.Message) {
	s.Helper()
	before := s.truth()
	r := s.send(context.Background(), m)
	if !errors.Is(r.err, mailer.ErrUnsupported) || r.outcome() != mailer.NotAccepted {
		s.broke(rule(11), "the verdict is %s and the error %v", r.outcome(), r.err)
	}
	if mailer.Needs(m)&s.Lacks != 0 { // it had to ask
		before.Contacts = s.truth().Contacts
	}
	s.wantNothing(rule(11), before)
}

// numberOfRecipients sends to as many as are taken at once, and to one more.
func numberOfRecipients(s *scene) {
	n := 20
	if limit := s.capabilities.MaxRecipients; limit > 0 {
		n = limit
	}
	to := func(n int) *mailer.Message {
		m := s.message()
		m.To = nil
		for i := range n {
			m.To = append(m.To, mailer.Address{Address: fmt.Sprintf("rcpt%d@example.com", i)})
		}
		return m
	}
	s.accept(context.Background(), to(n))
	if s.capabilities.MaxRecipients > 0 && n < 1000 { // more than 1,000 are invalid everywhere
		s.checkUnsupported(to(n + 1))
	}
}
