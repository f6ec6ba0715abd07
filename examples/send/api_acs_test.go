package main

import (
	"slices"
	"testing"

	"github.com/mailkeel/mailkeel/internal/apifake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// acsAPI knows each message by its Operation-Id. It has no place for the author's name, for tags and for metadata.
var acsAPI = &api{
	name: "acs", accepted: 202, start: startACS, remembers: true, large: &largePDF,
	key: accessKey, wrongKey: "wrong/" + accessKey[:80] + "A=",
	base:   func(key, addr string) string { return "acs://" + addr + "?key=" + dsn.Escape(key) + "&" },
	params: func(*setting) string { return "" },
	authorization: func(key string) string {
		return "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + key[:44]
	},
	degrades: []string{"tags", "metadata", "sender_name"},
	lacks: func(d *delivered) {
		d.from.Name, d.tags, d.metadata, d.key = "", nil, nil, acs.OperationID(d.key)
	},
}

// someOperation is the name of an operation that is not the message's.
const someOperation = "8540c0de-899f-5cce-acb5-3ec493af3800"

// Which APIs a case is for. The unnamed know no message by its name.
var (
	atSendGrid = []*api{sendgridAPI}
	atMailgun  = []*api{mailgunAPI}
	atACS      = []*api{acsAPI}
	unnamed    = []*api{sendgridAPI, mailgunAPI}
)

func startACS(t *testing.T, s *setting) (fake, func() []delivered) {
	cfg := s.acs
	cfg.Keys[0], cfg.TLS = accessKey, s.tls
	server := acstest.Start(t, cfg)
	return server, func() []delivered { return each(server.Messages(), fromACS) }
}

func fromACS(m *acstest.Message) delivered {
	d := delivered{
		id: m.OperationID, from: mailer.Address{Address: m.Sender}, to: named(m.To), cc: named(m.Cc), replyTo: named(m.ReplyTo),
		subject: m.Subject, text: m.Text, html: m.HTML, envelope: m.Recipients(), header: m.Header,
		messageID: m.MessageID, key: m.OperationID,
	}
	for _, a := range m.Bcc {
		d.bcc = append(d.bcc, a.Email)
	}
	for _, a := range m.Attachments {
		d.files = append(d.files, deliveredFile{a.Name, a.ContentID, string(a.Content)})
	}
	return d
}

func named(list []acstest.Address) []mailer.Address {
	var all []mailer.Address
	for _, a := range list {
		all = append(all, mailer.Address{Name: a.Name, Address: a.Email})
	}
	return all
}

// denyKey makes the key one that the API does not take.
func (s *setting) denyKey() { s.wrong, s.denied = true, true }

// acsCases are what ACS alone answers, and where it has to be asked.
func acsCases() []apiCase {
	cases := slices.Concat(acsAccountCases(), acsSuccessCases(), acsSettledCases(), acsDoubtCases())
	for i := range cases {
		cases[i].only = atACS
	}
	return cases
}

// acsAccountCases: a credential that is refused is tried once more, freshly signed, since the service is
// known to refuse good ones now and then.
func acsAccountCases() []apiCase {
	denied := acstest.Reply(acstest.Denied())
	spurious := acstest.Reply(acstest.SpuriousUnauthorized())
	early := apifake.Fault{Kind: apifake.EarlyReply, After: middle, Answer: acstest.Denied()}
	twice := func(s *setting) { s.denied = true }
	wide := func(s *setting) { s.denied, s.acs.Wrap = true, nil } // so that the second one does not take long
	unlinked := func(s *setting) { s.acs.LinkedDomains = []string{"example.net"} }
	stranger := func(s *setting) { s.acs.SenderUsers = []string{"donotreply"} }
	return []apiCase{
		{row: 14, name: "401 twice", setting: twice, fault: same(denied), then: []apifake.Fault{denied}, want: saying(refused(mailer.ScopeAccount, 401), "Denied by the resource provider")},
		{row: 14, name: "401 once", setting: twice, fault: same(denied), want: accepted()},
		{row: 14, name: "401 over the time", setting: twice, fault: same(spurious), want: accepted()},
		{row: 14, name: "401 in the middle", setting: wide, large: true, tlsOnly: true, fault: same(early), want: accepted()},
		{row: 14, name: "401, then 403", setting: twice, fault: same(denied), then: []apifake.Fault{acstest.Reply(acstest.Forbidden())}, want: refused(mailer.ScopeAccount, 403)},
		{row: 15, name: "role missing", fault: same(acstest.Reply(acstest.Forbidden())), want: saying(refused(mailer.ScopeAccount, 403), "Forbidden: ")},
		{row: 15, name: "sender's domain not linked", setting: unlinked, want: saying(refused(mailer.ScopeSender, 404), "DomainNotLinked: ")},
		{row: 15, name: "sender's name unknown", setting: stranger, want: saying(refused(mailer.ScopeSender, 400), "InvalidSenderUserName: ")},
		{row: 16, name: "404 of its own", fault: same(acstest.Reply(acstest.NotFound())), want: refused(mailer.ScopeAccount, 404)},
	}
}

func acsSuccessCases() []apiCase {
	unlocated := func(s *setting) { s.acs.OmitLocation = true }
	cases := undecided(10, "202 with a page", answer(apifake.HTMLPage(202)), 202)
	return append(cases,
		apiCase{row: 9, name: "accepted without Operation-Location", setting: unlocated, want: accepted()},
		apiCase{row: 10, name: "200 with an id, to ACS", fault: answer(acstest.OperationIs(someOperation, acstest.StatusRunning, acstest.Error{})),
			want: unknown(mailer.ScopeProvider, 200, 0)})
}

// acsSettledCases are refusals of what the service may know already.
func acsSettledCases() []apiCase {
	conflict, busy, repeated := acstest.Conflict(), acstest.Unavailable(), acstest.DuplicateMessageID()
	guarded := func(s *setting) { s.params = "&guard_message_id=true" }
	silent := []apifake.Fault{{Kind: apifake.Withhold}}
	return []apiCase{
		{row: 13, name: "400 for a known Message-ID, taken", setting: guarded, fault: same(acstest.AcceptBut(repeated)), want: same(known())},
		{row: 13, name: "400 for a known Message-ID, not taken", setting: guarded, fault: same(acstest.Reply(repeated)), want: askingACS(refused(mailer.ScopeMessage, 400))},
		{row: 19, name: "409, taken", fault: same(acstest.AcceptBut(conflict)), want: same(known())},
		{row: 19, name: "409, not taken", fault: same(acstest.Reply(conflict)), want: askingACS(unknown(mailer.ScopeProvider, 409, 0))},
		{row: 19, name: "page with 409", fault: answer(apifake.HTMLPage(409)), want: askingACS(unknown(mailer.ScopeProvider, 409, 0))},
		{row: 19, name: "409, taken, and the question not answered", fault: same(acstest.AcceptBut(conflict)), then: silent, want: askingACS(unknown(mailer.ScopeProvider, 409, 1))},
		{row: 19, name: "409, not taken, and the question not answered", fault: same(acstest.Reply(conflict)), then: silent, want: askingACS(unknown(mailer.ScopeProvider, 409, 0))},
		{row: 29, name: "503 of its own, taken", fault: same(acstest.AcceptBut(busy)), want: same(known())},
		{row: 29, name: "503 of its own, and the question not answered", fault: same(acstest.Reply(busy)), then: silent, want: askingACS(refused(mailer.ScopeProvider, 503))},
	}
}

// acsDoubtCases: a 500 is no refusal here, and what follows a 401 is as doubtful as what comes first.
func acsDoubtCases() []apiCase {
	return slices.Concat(
		undecided(26, "500 of ACS", answer(acstest.InternalError()), 500),
		undecidedAfter401("the reply lost", apifake.Fault{Kind: apifake.Withhold}, 0),
		undecidedAfter401("504", acstest.Reply(acstest.Gateway(504)), 504),
	)
}

func undecidedAfter401(name string, fault apifake.Fault, code int) []apiCase {
	cases := undecided(14, "401, then "+name, same(fault), code)
	for i := range cases {
		c := &cases[i]
		c.setting = func(s *setting) { s.denied = true }
		c.fault, c.then = same(acstest.Reply(acstest.Denied())), []apifake.Fault{c.fault.acs}
	}
	return cases
}
