package mailer_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestPrepareValues(t *testing.T) {
	tests := map[string]func(*mailer.Message){
		"Delivery":                       func(m *mailer.Message) { m.Delivery = 3 },
		"negative Delivery":              func(m *mailer.Message) { m.Delivery = -1 },
		"TrackOpens":                     func(m *mailer.Message) { m.TrackOpens = 3 },
		"TrackClicks":                    func(m *mailer.Message) { m.TrackClicks = -1 },
		"Priority":                       func(m *mailer.Message) { m.Priority = 4 },
		"negative Priority":              func(m *mailer.Message) { m.Priority = -1 },
		"NotifyNever and another":        func(m *mailer.Message) { m.DSN.Notify = mailer.NotifyNever | mailer.NotifySuccess },
		"Notify":                         func(m *mailer.Message) { m.DSN.Notify = 16 },
		"EnvelopeID with a space":        func(m *mailer.Message) { m.DSN.EnvelopeID = "a b" },
		"no recipient":                   func(m *mailer.Message) { m.To = nil },
		"no From":                        func(m *mailer.Message) { m.From = mailer.Address{} },
		"From without an address":        func(m *mailer.Message) { m.From = mailer.Address{Name: "Ann"} },
		"Sender without an address":      func(m *mailer.Message) { m.Sender = mailer.Address{Name: "Sec"} },
		"recipient without an address":   func(m *mailer.Message) { m.Bcc = []mailer.Address{{Name: "Eve"}} },
		"ReplyTo without an address":     func(m *mailer.Message) { m.ReplyTo = []mailer.Address{{}} },
		"empty tag":                      func(m *mailer.Message) { m.Tags = []string{""} },
		"empty metadata key":             func(m *mailer.Message) { m.Metadata = map[string]string{"": "x"} },
		"template without an ID":         func(m *mailer.Message) { m.Template = &mailer.Template{} },
		"key with a space":               func(m *mailer.Message) { m.IdempotencyKey = "a b" },
		"OneClick without a URL":         func(m *mailer.Message) { m.Unsubscribe = mailer.Unsubscribe{OneClick: true, Mailto: "u@example.com"} },
		"unsubscribe over http":          func(m *mailer.Message) { m.Unsubscribe.URL = "http://example.com" },
		"unsubscribe by script":          func(m *mailer.Message) { m.Unsubscribe.URL = "javascript:alert(1)" },
		"unsubscribe without a host":     func(m *mailer.Message) { m.Unsubscribe.URL = "https:///x" },
		"unsubscribe with a password":    func(m *mailer.Message) { m.Unsubscribe.URL = "https://u:p@example.com/" },
		"unsubscribe that ends its URL":  func(m *mailer.Message) { m.Unsubscribe.URL = "https://example.com/>,<mailto:x@y.z" },
		"unsubscribe with a mailto URL":  func(m *mailer.Message) { m.Unsubscribe.Mailto = "mailto:u@example.com" },
		"unsubscribe with a mail header": func(m *mailer.Message) { m.Unsubscribe.Mailto = "u@example.com?cc=x@example.org" },
		"unsubscribe to be escaped":      func(m *mailer.Message) { m.Unsubscribe.Mailto = "u`{|}^@example.com" },
		"ContentID twice": func(m *mailer.Message) {
			a := mailer.Attachment{ContentID: "x", Content: mailer.Bytes(nil)}
			m.Attachments = []mailer.Attachment{a, a}
		},
		"ContentID of two forms": func(m *mailer.Message) {
			c := mailer.Bytes(nil)
			m.Attachments = []mailer.Attachment{{ContentID: "x", Content: c}, {ContentID: "<x>", Content: c}}
		},
		"ContentID with half a bracket": func(m *mailer.Message) {
			m.Attachments = []mailer.Attachment{{ContentID: "<x", Content: mailer.Bytes(nil)}}
		},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			msg := simple()
			tests[name](msg)
			refused(t, msg)
		})
	}
}

// What List-Unsubscribe shows is what was checked.
func TestUnsubscribeMailtoIsASCII(t *testing.T) {
	msg := simple()
	msg.Unsubscribe.Mailto = "u@bücher.example"
	if got := mustPrepare(t, msg).Unsubscribe.Mailto; got != "u@xn--bcher-kva.example" {
		t.Errorf("got %q", got)
	}
}

func TestReservedHeaders(t *testing.T) {
	always := []string{
		"From", "sender", "REPLY-TO", "To", "Cc", "Bcc", "Subject", "Date", "Message-ID", "Return-Path", "MIME-Version",
		"Content-Type", "content-transfer-encoding", "Content-Disposition", "Content-ID", "Received", "DKIM-Signature",
	}
	for _, name := range always {
		msg := simple()
		msg.Headers.Add(name, "x")
		refused(t, msg)
	}
	free := map[string]func(*mailer.Message){
		"List-Unsubscribe":      func(m *mailer.Message) { m.Unsubscribe.Mailto = "u@example.com" },
		"List-Unsubscribe-Post": func(m *mailer.Message) { m.Unsubscribe.Mailto = "u@example.com" },
		"X-Priority":            func(m *mailer.Message) { m.Priority = mailer.PriorityHigh },
		"Importance":            func(m *mailer.Message) { m.Priority = mailer.PriorityHigh },
	}
	for name, set := range free {
		msg := simple()
		msg.Headers.Add(name, "x")
		mustPrepare(t, msg)
		set(msg)
		if e := refused(t, msg); !strings.Contains(e.Error(), "Headers[0]") {
			t.Errorf("%s: %v does not name the field", name, e)
		}
	}
}

// RFC 5322 section 3.3 has two digits for the hours of a zone.
func TestPrepareDateZone(t *testing.T) {
	for seconds, ok := range map[int]bool{
		0: true, 3600: true, -12*3600 - 1800: true, 99*3600 + 59*60: true, 100 * 3600: false, -100 * 3600: false,
	} {
		msg := simple()
		msg.Date = someDate.In(time.FixedZone("", seconds))
		if _, err := mailer.Prepare(msg); (err == nil) != ok {
			t.Errorf("offset of %d seconds: %v, want accepted: %v", seconds, err, ok)
		}
	}
}
