package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/internal/apifake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// An apiCase is something that happens to the one request of a send, at every API unless
// only says otherwise, and what the program has to say about it.
type apiCase struct {
	row     int // HTTP row
	name    string
	only    []*api
	fault   perAPI[apifake.Fault]
	then    []apifake.Fault // what the requests after that meet
	setting func(*setting)
	tlsOnly bool
	large   bool // the message has an attachment as large as it can be
	args    []string
	want    perAPI[apiVerdict]
}

// An apiVerdict is what is printed, and the truth behind it.
type apiVerdict struct {
	outcome mailer.Outcome
	scope   mailer.Scope // of the attempt and of every recipient
	code    int
	copies  int    // that the provider has
	says    string // on standard error
	asked   int    // questions, besides, of what became of the message
	// remembered: by the provider, see api.remembers.
	remembered bool
}

// exit is the exit status that README.md promises.
func (v apiVerdict) exit() int {
	return map[mailer.Outcome]int{mailer.Accepted: 0, mailer.NotAccepted: 1, mailer.Unknown: 3, mailer.PartlyAccepted: 4}[v.outcome]
}

func accepted() perAPI[apiVerdict] {
	return perAPI[apiVerdict]{
		apiVerdict{outcome: mailer.Accepted, code: 202, copies: 1},
		apiVerdict{outcome: mailer.Accepted, code: 200, copies: 1},
		apiVerdict{outcome: mailer.Accepted, code: 202, copies: 1},
	}
}

// known is the verdict where a provider has refused what it knows, and says so when it is asked.
func known() apiVerdict {
	return apiVerdict{outcome: mailer.Accepted, code: 200, copies: 1, asked: 1}
}

// askingACS is p where ACS is asked whether it has the message all the same.
func askingACS(p perAPI[apiVerdict]) perAPI[apiVerdict] {
	p.acs.asked = 1
	return p
}

func refused(scope mailer.Scope, code int) perAPI[apiVerdict] {
	return same(apiVerdict{outcome: mailer.NotAccepted, scope: scope, code: code})
}

func unknown(scope mailer.Scope, code, copies int) perAPI[apiVerdict] {
	return same(apiVerdict{outcome: mailer.Unknown, scope: scope, code: code, copies: copies})
}

// saying adds what standard error says.
func saying(p perAPI[apiVerdict], text string) perAPI[apiVerdict] {
	p.sendgrid.says, p.mailgun.says, p.acs.says = text, text, text
	return p
}

// answers is answered in place of the API, which does not take the message.
func answers(sendgrid, mailgun, acs apifake.Answer) perAPI[apifake.Fault] {
	return perAPI[apifake.Fault]{acstest.Reply(sendgrid), acstest.Reply(mailgun), acstest.Reply(acs)}
}

func answer(a apifake.Answer) perAPI[apifake.Fault] { return answers(a, a, a) }

// undecided makes two cases of a fault after which nobody can tell: the provider has the
// message, and it has not.
func undecided(row int, name string, fault perAPI[apifake.Fault], code int) []apiCase {
	taken := fault
	taken.sendgrid.Accept, taken.mailgun.Accept, taken.acs.Accept = true, true, true
	return []apiCase{
		{row: row, name: name + ", taken", fault: taken, want: unknown(mailer.ScopeProvider, code, 1)},
		{row: row, name: name + ", not taken", fault: fault, want: unknown(mailer.ScopeProvider, code, 0)},
	}
}

// undecidedSuccess is for replies with the status of an acceptance.
func undecidedSuccess(name string, fault perAPI[apifake.Fault]) []apiCase {
	cases := undecided(10, name, fault, 202)
	for i := range cases {
		cases[i].want.mailgun.code = 200
	}
	return cases
}

// apiCases are all cases. Where elsewhere is, no redirect leads.
func apiCases(elsewhere string) []apiCase {
	return slices.Concat(connectionCases(), acceptedCases(), strangeSuccessCases(), redirectCases(elsewhere), accountCases(),
		messageCases(), waitCases(), providerCases(), gatewayCases(), lostCases(), largeCases(), acsCases())
}

// Rows that a run of the program, which sends one message over HTTP/1.1 with a fixed key, cannot meet.
var rowsElsewhere = map[int]string{
	2:  "a fixed key is not acquired",
	3:  "see TestHostileValues and TestAPIUnsupported",
	6:  "one message is sent, over a new connection",
	11: "none of the APIs answers by recipient",
	34: "HTTP/2",
	35: "HTTP/2",
}

func connectionCases() []apiCase {
	unknownCA := func(s *setting) { s.tls = testcert.Server(certs.SelfSigned) }
	wrongName := func(s *setting) { s.tls = testcert.Server(certs.WrongName) }
	expired := func(s *setting) { s.tls = testcert.Server(certs.Expired) }
	down := refused(mailer.ScopeProvider, 0)
	return []apiCase{
		{row: 1, name: "nothing listens", setting: func(s *setting) { s.addr = nobody }, want: saying(down, "refused")},
		{row: 1, name: "unknown authority", setting: unknownCA, tlsOnly: true, want: saying(down, "unknown authority")},
		{row: 1, name: "certificate for another name", setting: wrongName, tlsOnly: true, want: down},
		{row: 1, name: "expired certificate", setting: expired, tlsOnly: true, want: down},
		{row: 1, name: "connection ended before the handshake", tlsOnly: true, fault: same(apifake.Fault{Kind: apifake.CloseOnAccept}), want: down},
		{row: 1, name: "silence before the handshake", tlsOnly: true, fault: same(apifake.Fault{Kind: apifake.SilentOnAccept}),
			setting: func(s *setting) { s.timeout = "500ms" }, want: down},
		{row: 36, name: "the time is over before the handshake", tlsOnly: true, fault: same(apifake.Fault{Kind: apifake.SilentOnAccept}),
			args: []string{"-timeout", "500ms"}, want: refused(mailer.ScopeCaller, 0)},
	}
}

func acceptedCases() []apiCase {
	hints := []string{"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"}
	return []apiCase{
		{row: 9, name: "accepted", want: accepted()},
		{row: 9, name: "accepted, HTTP/2 was asked for", tlsOnly: true, setting: func(s *setting) { s.params = "&http2=true" }, want: accepted()},
		{row: 9, name: "accepted after 1xx", fault: same(apifake.Fault{Interim: hints}), want: accepted()},
		{row: 9, name: "accepted a byte at a time", fault: same(apifake.Fault{Kind: apifake.Drip, Every: time.Microsecond}), want: accepted()},
	}
}

// strangeSuccessCases are successes that are none: nobody can tell what they mean.
func strangeSuccessCases() []apiCase {
	cases := slices.Concat(
		undecided(10, "page of a captive portal", answer(apifake.HTMLPage(200)), 200),
		undecided(10, "another success", answer(apifake.Answer{Status: 204}), 204),
		undecided(10, "decompression bomb", answer(bomb(200)), 200),
		undecidedSuccess("success whose body is cut", answers(short(sendgridtest.Accepted()), short(mailguntest.Accepted("<1@example.com>")), short(acstest.AcceptedWithoutLocation(someOperation)))),
		undecidedSuccess("success without an id", answers(sendgridtest.AcceptedWithoutID(), mailguntest.AcceptedWithoutID(), acstest.AcceptedWithoutID())),
	)
	cases = append(cases, apiCase{row: 10, name: "200 with an id, to SendGrid", only: atSendGrid,
		fault: answer(apifake.Answer{Status: 200, Header: http.Header{"X-Message-Id": {"x"}}}), want: unknown(mailer.ScopeProvider, 200, 0)})
	for name, a := range map[string]apifake.Answer{
		"Magnificent API": mailguntest.MagnificentAPI(), "empty id": mailguntest.AcceptedWithEmptyID(), "truncated JSON": mailguntest.AcceptedTruncated(),
	} {
		for _, c := range undecided(10, name, answer(a), 200) {
			c.only = atMailgun
			cases = append(cases, c)
		}
	}
	return cases
}

// bomb is a reply whose body would be 4 MB if anybody decompressed it: more than is read of any.
func bomb(status int) apifake.Answer {
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	for range 4 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	return apifake.Answer{Status: status, Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, Body: body.Bytes()}
}

// short is a with an end before its length.
func short(a apifake.Answer) apifake.Answer {
	a.Header.Set("Content-Length", fmt.Sprint(len(a.Body)+100))
	a.Header.Set("Connection", "close")
	return a
}

func redirectCases(elsewhere string) []apiCase {
	var cases []apiCase
	for _, status := range []int{301, 302, 303, 307, 308} {
		cases = append(cases, apiCase{row: 12, name: fmt.Sprintf("redirect %d", status),
			fault: answer(apifake.Redirect(status, elsewhere+"/v3/mail/send")),
			want:  saying(refused(mailer.ScopeAccount, status), "redirects are not followed")})
	}
	return cases
}

// accountCases are refusals of the account, of its key, and of a sender that it does not own.
// Mailgun has none of a sender: a domain that may send may do so under any address.
func accountCases() []apiCase {
	noScope := func(s *setting) { s.sendgrid.Scopes = []string{"mail.batch.create"} }
	unverified := func(s *setting) { s.sendgrid.VerifiedSenders = []string{"example.net"} }
	notActive := func(s *setting) {
		s.mailgun.Domains = []mailguntest.Domain{{Name: mailguntest.DefaultDomain, State: mailguntest.Unverified}}
	}
	cases := []apiCase{
		{row: 14, name: "wrong key", setting: (*setting).denyKey, want: refused(mailer.ScopeAccount, 401)},
		{row: 14, name: "credits used up", only: atSendGrid, fault: answer(sendgridtest.CreditsExceeded()), want: saying(refused(mailer.ScopeAccount, 401), "Maximum credits exceeded")},
		{row: 15, name: "account forbidden", only: atSendGrid, setting: noScope, want: saying(refused(mailer.ScopeAccount, 403), "access forbidden")},
		{row: 15, name: "sender not verified", only: atSendGrid, setting: unverified, want: refused(mailer.ScopeSender, 403)},
		{row: 15, name: "domain not allowed to send", only: atMailgun, setting: notActive, want: saying(refused(mailer.ScopeAccount, 400), "not allowed to send")},
		{row: 15, name: "batch refused", only: atMailgun, fault: answer(mailguntest.LargeBatchRefused(mailguntest.DefaultDomain)), want: refused(mailer.ScopeAccount, 403)},
		{row: 16, name: "wrong domain", only: atMailgun, setting: func(s *setting) { s.domain = "other.example.com" }, want: saying(refused(mailer.ScopeAccount, 404), "region")},
		{row: 17, name: "payment required", fault: answer(mailguntest.PaymentRequired()), want: refused(mailer.ScopeRate, 402)},
	}
	for row, statuses := range map[int][]int{15: {403}, 16: {404, 405, 410}, 20: {412}, 22: {406, 415}} {
		for _, status := range statuses {
			cases = append(cases, apiCase{row: row, name: fmt.Sprintf("page with %d", status), fault: answer(apifake.HTMLPage(status)), want: refused(mailer.ScopeAccount, status)})
		}
	}
	return cases
}

func messageCases() []apiCase {
	own := answers(sendgridtest.BadRequest("subject"), mailguntest.ParameterMissing("subject"), acstest.InvalidEmail("recipients.to[0].address"))
	own400 := perAPI[apiVerdict]{
		apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeMessage, code: 400, says: "subject is not valid"},
		apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeMessage, code: 400, says: "subject parameter is missing"},
		apiVerdict{outcome: mailer.NotAccepted, scope: mailer.ScopeMessage, code: 400, says: "InvalidEmailAddress: Invalid format for email address"},
	}
	cases := []apiCase{
		{row: 13, name: "400", fault: own, want: own400},
		{row: 13, name: "400 that repeats what is secret", fault: repeating(), want: refused(mailer.ScopeMessage, 400)},
		{row: 21, name: "413 after the body", fault: answers(sendgridtest.TooLarge(), mailguntest.TooLarge(), acstest.TooLarge()), want: refused(mailer.ScopeMessage, 413)},
		{row: 32, name: "400 whose body is cut", fault: answer(short(apifake.JSON(400, `{"message":"what`))), want: refused(mailer.ScopeMessage, 400)},
		{row: 32, name: "400 with truncated JSON", fault: answer(apifake.JSON(400, `{"errors":[{"mess`)), want: refused(mailer.ScopeMessage, 400)},
		{row: 37, name: "400 with a decompression bomb", fault: answer(bomb(400)), want: refused(mailer.ScopeMessage, 400)},
	}
	for row, statuses := range map[int][]int{13: {400, 422}, 21: {413, 431}, 25: {451}} {
		for _, status := range statuses {
			cases = append(cases, apiCase{row: row, name: fmt.Sprintf("page with %d", status), fault: answer(apifake.HTMLPage(status)), want: refused(mailer.ScopeMessage, status)})
		}
	}
	return append(cases, apiCase{row: 19, name: "page with 409", only: unnamed, fault: answer(apifake.HTMLPage(409)), want: refused(mailer.ScopeMessage, 409)})
}

// repeating is a 400 of the provider's own form, in which stands what it was sent.
func repeating() perAPI[apifake.Fault] {
	text := func(a *api) string {
		return fmt.Sprintf("no: Authorization: %s for %s, to bob@example.org", a.authorization(a.key), a.key)
	}
	return answers(sendgridtest.Errors(400, sendgridtest.Error{Message: text(sendgridAPI), Field: "to"}), mailguntest.Invalid(text(mailgunAPI)),
		acstest.Refusal(400, acstest.Error{Code: "BadRequest", Message: text(acsAPI)}))
}

// serverTime is what clocks of the servers show whose replies speak of a time.
var serverTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func dated(a apifake.Answer) apifake.Answer {
	a.Header.Set("Date", serverTime.Format(http.TimeFormat))
	return a
}

// waitCases are limits that pass with time. How long it takes shows.
func waitCases() []apiCase {
	const domain, what = mailguntest.DefaultDomain, "request"
	soon := serverTime.Add(90 * time.Second)
	limited := refused(mailer.ScopeRate, 429)
	unlimited := mailguntest.RateLimited(domain, what)
	return []apiCase{
		{row: 24, name: "429", fault: answers(sendgridtest.RateLimited(), unlimited, acstest.RateLimited()), want: limited},
		{row: 24, name: "429 with a page", fault: answer(apifake.HTMLPage(429)), want: limited},
		{row: 24, name: "429 with Retry-After in seconds",
			fault: answers(sendgridtest.RateLimitedFor(90*time.Second), mailguntest.WithRetryAfter(unlimited, 90*time.Second), acstest.RateLimitedFor(90*time.Second)), want: saying(limited, "(retry in 1m30s)")},
		{row: 24, name: "429 with Retry-After as a date",
			fault: answers(dated(sendgridtest.RateLimitedUntilDate(soon)), dated(mailguntest.WithRetryAfterDate(unlimited, soon)), dated(acstest.RateLimitedUntilDate(soon))), want: saying(limited, "(retry in 1m30s)")},
		{row: 24, name: "429 with a day to wait",
			fault: answers(sendgridtest.RateLimitedFor(24*time.Hour), mailguntest.WithRetryAfter(unlimited, 24*time.Hour), acstest.RateLimitedFor(24*time.Hour)), want: saying(limited, "(retry in 1h0m0s)")},
		{row: 24, name: "429 that says when in the provider's way", only: unnamed,
			fault: answers(dated(sendgridtest.RateLimitedUntil(soon)), dated(mailguntest.RateLimitedUntil(domain, what, soon)), apifake.Answer{}), want: saying(limited, "(retry in 1m30s)")},
		{row: 24, name: "429 that says for how long in its text", only: atMailgun,
			fault: answer(mailguntest.RateLimitedFor(domain, what, 2*time.Minute)), want: saying(limited, "(retry in 2m0s)")},
		{row: 29, name: "503 with Retry-After", fault: answer(mailguntest.WithRetryAfter(apifake.Answer{Status: 503, Body: []byte("busy")}, 90*time.Second)),
			want: askingACS(saying(refused(mailer.ScopeProvider, 503), "(retry in 1m30s)"))},
	}
}

// providerCases are replies in which the provider itself is in trouble, and says that it has not taken the message.
func providerCases() []apiCase {
	down := func(status int) perAPI[apiVerdict] { return refused(mailer.ScopeProvider, status) }
	distrust := func(s *setting) { s.params = "&treat_5xx_as_unknown=true" }
	own500 := answers(sendgridtest.InternalError(), mailguntest.InternalError(), acstest.InternalError())
	own503 := answers(sendgridtest.Unavailable(), mailguntest.Unavailable(), acstest.Unavailable())
	cases := []apiCase{
		{row: 26, name: "500 of its own", only: unnamed, fault: own500, want: down(500)},
		{row: 29, name: "503 of its own", fault: own503, want: askingACS(down(503))},
	}
	for row, statuses := range map[int][]int{7: {417}, 23: {421, 425, 428}, 27: {501, 505}} {
		for _, status := range statuses {
			cases = append(cases, apiCase{row: row, name: fmt.Sprintf("page with %d", status), fault: answer(apifake.HTMLPage(status)), want: down(status)})
		}
	}
	for row, fault := range map[int]perAPI[apifake.Fault]{26: own500, 29: own503} {
		status := fault.sendgrid.Answer.Status
		for _, c := range undecided(row, fmt.Sprintf("%d of its own, distrusted", status), fault, status) {
			c.setting = distrust
			cases = append(cases, c)
		}
	}
	return cases
}

// gatewayCases are replies of which nobody can tell what the provider behind them did.
func gatewayCases() []apiCase {
	truncated := func(status int) perAPI[apifake.Fault] { return answer(apifake.JSON(status, `{"message":"Inter`)) }
	return slices.Concat(
		undecided(18, "408", answer(apifake.HTMLPage(408)), 408),
		undecided(26, "500 with a page", answer(apifake.HTMLPage(500)), 500),
		undecided(26, "500 without a body", answer(apifake.Answer{Status: 500}), 500),
		undecided(26, "500 with truncated JSON", truncated(500), 500),
		undecided(26, "500 of its own, cut", answers(short(sendgridtest.InternalError()), short(mailguntest.InternalError()), short(acstest.InternalError())), 500),
		undecided(28, "502 of a gateway", answer(apifake.Gateway(502)), 502),
		undecided(28, "502 in the provider's form", answers(sendgridtest.Errors(502, sendgridtest.Error{Message: "bad gateway"}), apifake.JSON(502, `{"message":"Bad Gateway"}`),
			acstest.Refusal(502, acstest.Error{Code: "BadGateway", Message: "bad gateway"})), 502),
		undecided(28, "504 of a gateway", answer(apifake.Gateway(504)), 504),
		undecided(30, "503 with a page", answer(apifake.HTMLPage(503)), 503),
		undecided(30, "503 with Retry-After and no body", answer(mailguntest.WithRetryAfter(apifake.Answer{Status: 503}, time.Minute)), 503),
		undecided(30, "503 with a page and Retry-After", answer(mailguntest.WithRetryAfter(apifake.HTMLPage(503), time.Minute)), 503),
		undecided(30, "503 with truncated JSON", truncated(503), 503),
	)
}

// lostCases are requests that left whole and were not answered.
func lostCases() []apiCase {
	fin, rst := apifake.Fault{Kind: apifake.Withhold}, apifake.Fault{Kind: apifake.Withhold, Reset: true}
	silence := apifake.Fault{Kind: apifake.Silence, Accept: true}
	cases := slices.Concat(
		undecided(5, "reply lost", same(fin), 0),
		undecided(5, "reply lost in a reset", same(rst), 0),
		undecided(8, "1xx alone", same(apifake.Fault{Kind: apifake.Raw, RawReply: []byte("HTTP/1.1 103 Early Hints\r\n\r\n")}), 0),
		undecided(31, "reply cut in its head", same(apifake.Fault{Kind: apifake.CutReply, After: 20}), 0),
		undecided(31, "reply that is not HTTP", same(apifake.Fault{Kind: apifake.Raw, RawReply: []byte("220 mail.example.com ESMTP\r\n")}), 0),
	)
	return append(cases, apiCase{row: 36, name: "silence after the body", fault: same(silence), args: []string{"-timeout", "2s"},
		want: unknown(mailer.ScopeCaller, 0, 1)})
}

// middle is in the middle of the body of a message with a large attachment. What is left
// then is more than a connection buffers.
const middle = 3 << 20

func early(a apifake.Answer) perAPI[apifake.Fault] {
	return same(apifake.Fault{Kind: apifake.EarlyReply, After: middle, Answer: a})
}

// largeCases break in the middle of a body: the provider cannot have the message.
func largeCases() []apiCase {
	down := refused(mailer.ScopeProvider, 0)
	small := func(s *setting) {
		s.sendgrid.MaxMessageBytes, s.mailgun.MaxBodyBytes, s.acs.MaxRequestBytes = 1<<20, 1<<20, 1<<20
	}
	stall := func(s *setting) { s.params, s.timeout = "&stall_timeout=500ms", "500ms" }
	return []apiCase{
		{row: 4, name: "connection ended", large: true, fault: same(apifake.Fault{Kind: apifake.CutInBody, After: middle}), want: down},
		{row: 4, name: "connection reset", large: true, fault: same(apifake.Fault{Kind: apifake.CutInBody, After: middle, Reset: true}), want: down},
		{row: 4, name: "no progress", large: true, setting: stall, fault: same(apifake.Fault{Kind: apifake.SilentOnAccept}), want: down},
		{row: 18, name: "408 in the middle", large: true, fault: early(apifake.HTMLPage(408)), want: refused(mailer.ScopeProvider, 408)},
		{row: 36, name: "the time is over in the middle", large: true, fault: same(apifake.Fault{Kind: apifake.SilentOnAccept}),
			args: []string{"-timeout", "500ms"}, want: refused(mailer.ScopeCaller, 0)},
		{row: 21, name: "413 before the body", large: true, setting: small, want: refused(mailer.ScopeMessage, 413)},
		{row: 33, name: "400 in the middle", large: true, fault: early(apifake.HTMLPage(400)), want: refused(mailer.ScopeMessage, 400)},
		{row: 33, name: "429 in the middle", large: true, fault: early(mailguntest.WithRetryAfter(apifake.HTMLPage(429), time.Minute)),
			want: saying(refused(mailer.ScopeRate, 429), "(retry in 1m0s)")},
		{row: 33, name: "502 in the middle", large: true, fault: early(apifake.Gateway(502)), want: refused(mailer.ScopeProvider, 502)},
		{row: 33, name: "503 in the middle", large: true, fault: early(apifake.HTMLPage(503)), want: askingACS(refused(mailer.ScopeProvider, 503))},
		{row: 33, name: "success in the middle", large: true, fault: early(mailguntest.Accepted("<1@example.com>")), want: unknown(mailer.ScopeProvider, 200, 0)},
	}
}
