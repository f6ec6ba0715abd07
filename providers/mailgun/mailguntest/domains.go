package mailguntest

import (
	"net/http"
	"strings"
	"time"
)

type domainReply struct {
	Domain           domainDetails `json:"domain"`
	ReceivingRecords []dnsRecord   `json:"receiving_dns_records"`
	SendingRecords   []dnsRecord   `json:"sending_dns_records"`
}

type domainDetails struct {
	CreatedAt        string           `json:"created_at"`
	ID               string           `json:"id"`
	IsDisabled       bool             `json:"is_disabled"`
	Name             string           `json:"name"`
	RequireTLS       bool             `json:"require_tls"`
	SkipVerification bool             `json:"skip_verification"`
	SMTPLogin        string           `json:"smtp_login"`
	SpamAction       string           `json:"spam_action"`
	State            State            `json:"state"`
	Type             string           `json:"type"`
	WebPrefix        string           `json:"web_prefix"`
	WebScheme        string           `json:"web_scheme"`
	Wildcard         bool             `json:"wildcard"`
	Disabled         *disabledDetails `json:"disabled,omitempty"`
}

type disabledDetails struct {
	Code        string `json:"code"`
	Permanently bool   `json:"permanently"`
	Reason      string `json:"reason"`
	Until       string `json:"until"`
}

type dnsRecord struct {
	Name       string   `json:"name"`
	RecordType string   `json:"record_type"`
	Value      string   `json:"value"`
	Valid      string   `json:"valid"`
	IsActive   bool     `json:"is_active"`
	Cached     []string `json:"cached"`
}

func (s *service) getDomain(_ *call, d *Domain) Answer {
	details := domainDetails{
		CreatedAt: time.Date(2011, 10, 13, 18, 2, 0, 0, time.UTC).Format(http.TimeFormat),
		ID:        "4e97218800000000000000aa", Name: d.Name, SMTPLogin: "postmaster@" + d.Name,
		SpamAction: "disabled", State: d.State, Type: "custom", WebPrefix: "email", WebScheme: "http",
	}
	if d.Sandbox {
		details.Type = "sandbox"
	}
	if d.State == Disabled {
		details.IsDisabled = true
		details.Disabled = &disabledDetails{Code: "disabled", Reason: "The domain is disabled", Permanently: true}
	}
	valid := "valid"
	if d.State == Unverified {
		valid = "unknown"
	}
	spf := dnsRecord{Name: d.Name, RecordType: "TXT", Value: "v=spf1 include:mailgun.org ~all", Valid: valid, IsActive: valid == "valid", Cached: []string{}}
	return jsonAnswer(http.StatusOK, domainReply{Domain: details, ReceivingRecords: []dnsRecord{}, SendingRecords: []dnsRecord{spf}})
}

type queueReply struct {
	Regular   queueState `json:"regular"`
	Scheduled queueState `json:"scheduled"`
}

type queueState struct {
	IsDisabled bool         `json:"is_disabled"`
	Disabled   *queuePaused `json:"disabled,omitempty"`
}

type queuePaused struct {
	Until  string `json:"until"`
	Reason string `json:"reason"`
}

func (s *service) getQueues(_ *call, d *Domain) Answer {
	if d.QueueDisabledUntil.IsZero() {
		return jsonAnswer(http.StatusOK, queueReply{})
	}
	regular := queueState{IsDisabled: true, Disabled: &queuePaused{
		Until: d.QueueDisabledUntil.UTC().Format(time.RFC1123), Reason: d.QueueDisabledReason,
	}}
	return jsonAnswer(http.StatusOK, queueReply{Regular: regular})
}

// domainOf returns what follows the @.
func domainOf(address string) string {
	return address[strings.LastIndexByte(address, '@')+1:]
}
