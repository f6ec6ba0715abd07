package smtp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// verdict is what a Send has to say about a failure.
type verdict struct {
	outcome   mailer.Outcome
	scope     mailer.Scope
	flags     string // of "temporary" and "elsewhere", in this order
	code      int
	is        error // nil: not looked at
	delivered int   // copies that the server took: the truth
}

// A rowCase is one way in which an attempt meets a row of the failure taxonomy, SMTP table.
type rowCase struct {
	row    int
	name   string
	server smtpfake.Config
	client func(*smtp.Config)
	msg    func(*mailer.Message)
	to     int            // recipients; zero means one
	cancel smtpfake.Point // ctx is cancelled when the server gets there
	want   verdict
}

const (
	stop         = ""
	later        = "temporary"
	other        = "elsewhere"
	laterOrOther = "temporary elsewhere"
)

// notAccepted is the verdict of most rows.
func notAccepted(scope mailer.Scope, flags string, code int) verdict {
	return verdict{outcome: mailer.NotAccepted, scope: scope, flags: flags, code: code}
}

// unanswered is the verdict after the boundary.
func unanswered(scope mailer.Scope, delivered int) verdict {
	return verdict{outcome: mailer.Unknown, scope: scope, is: mailer.ErrUnknownOutcome, delivered: delivered}
}

func (v verdict) with(is error) verdict { v.is = is; return v }

// on is a server without extensions beyond those of any relay that replies so at p.
func on(p smtpfake.Point, a smtpfake.Action) smtpfake.Config {
	return smtpfake.Config{Extensions: relay, Hook: smtpfake.On(p, a)}
}

func reply(p smtpfake.Point, text string) smtpfake.Config { return on(p, smtpfake.Action{Reply: text}) }

var relay = smtpfake.Extensions{Pipelining: true, EightBitMIME: true, EnhancedCodes: true, SizeLimit: 1 << 20}

func withTLS(cfg smtpfake.Config, chain ...func(*smtpfake.Config)) smtpfake.Config {
	cfg.TLS = testcert.Server(certs.Valid)
	for _, f := range chain {
		f(&cfg)
	}
	return cfg
}

func withUsers(cfg smtpfake.Config) smtpfake.Config {
	cfg.Users = map[string]string{"app": "pass-word"}
	return cfg
}

func implicitTLS(cfg *smtpfake.Config) { cfg.ImplicitTLS = true }

// The client's side of it.
func useTLS(security smtp.Security) func(*smtp.Config) {
	return func(c *smtp.Config) { c.Security, c.TLSConfig = security, certs.Client("localhost") }
}

func logIn(c *smtp.Config) { c.Username, c.Password = "app", mailer.NewSecret("pass-word") }

func dialError(err error) func(*smtp.Config) {
	return func(c *smtp.Config) {
		c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, err }
	}
}

// port25 drops every packet, as clouds do.
func port25(c *smtp.Config) {
	c.Port = 25
	c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
	}
}

// failing is an attachment that ends too early.
func failing(m *mailer.Message) {
	m.Attachments = []mailer.Attachment{{Name: "a.bin", Content: mailer.Opener(100_000, func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 70_000)), brokenReader{})), nil
	})}}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("disk gone") }

func big(m *mailer.Message) {
	m.Attachments = []mailer.Attachment{{Name: "a.bin", Content: mailer.Bytes(make([]byte, 500_000))}}
}

func utf8Local(m *mailer.Message) { m.To[0].Address = "bøb@example.net" }

// Short names for the scopes make the table readable.
const (
	provider  = mailer.ScopeProvider
	account   = mailer.ScopeAccount
	rate      = mailer.ScopeRate
	sender    = mailer.ScopeSender
	message   = mailer.ScopeMessage
	recipient = mailer.ScopeRecipient
	caller    = mailer.ScopeCaller
)

var (
	hang = smtpfake.Action{Silent: true, Then: smtpfake.Hang}
	fin  = smtpfake.Action{Silent: true, Then: smtpfake.FIN}
	lost = smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.FIN}
)

var rowCases = []rowCase{
	{row: 1, name: "no such host", client: dialError(&net.DNSError{Err: "no such host", IsNotFound: true}),
		want: notAccepted(account, other, 0)},
	{row: 2, name: "resolver timed out", client: dialError(&net.DNSError{Err: "timeout", IsTimeout: true, IsTemporary: true}),
		want: notAccepted(provider, laterOrOther, 0).with(mailer.ErrUnavailable)},
	{row: 3, name: "refused", client: dialError(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}),
		want: notAccepted(provider, laterOrOther, 0).with(mailer.ErrUnavailable)},
	{row: 3, name: "no answer", client: func(c *smtp.Config) { port25(c); c.Port = 587 },
		want: notAccepted(provider, laterOrOther, 0)},
	{row: 4, name: "port 25 blocked", client: port25, want: notAccepted(account, other, 0)},
	{row: 5, name: "handshake hangs", server: withTLS(on(smtpfake.Handshake, hang), implicitTLS), client: useTLS(smtp.ImplicitTLS),
		want: notAccepted(provider, laterOrOther, 0)},
	{row: 5, name: "handshake ends", server: withTLS(on(smtpfake.Handshake, fin), implicitTLS), client: useTLS(smtp.ImplicitTLS),
		want: notAccepted(provider, laterOrOther, 0)},
	{row: 6, name: "expired", server: withTLS(smtpfake.Config{}, implicitTLS, func(c *smtpfake.Config) { c.TLS = testcert.Server(certs.Expired) }),
		client: useTLS(smtp.ImplicitTLS), want: notAccepted(provider, other, 0).with(mailer.ErrTLSPolicy)},
	{row: 6, name: "wrong name, STARTTLS", server: withTLS(smtpfake.Config{}, func(c *smtpfake.Config) { c.TLS = testcert.Server(certs.WrongName) }),
		client: useTLS(smtp.STARTTLS), want: notAccepted(provider, other, 0).with(mailer.ErrTLSPolicy)},
	{row: 6, name: "self-signed", server: withTLS(smtpfake.Config{}, implicitTLS, func(c *smtpfake.Config) { c.TLS = testcert.Server(certs.SelfSigned) }),
		client: useTLS(smtp.ImplicitTLS), want: notAccepted(provider, other, 0).with(mailer.ErrTLSPolicy)},
	{row: 7, name: "421", server: reply(smtpfake.Greeting, "421 4.3.2 later"), want: notAccepted(provider, laterOrOther, 421)},
	{row: 7, name: "421 throttled", server: reply(smtpfake.Greeting, "421 4.7.0 too many connections"), want: notAccepted(rate, laterOrOther, 421).with(mailer.ErrRateLimited)},
	{row: 7, name: "554", server: reply(smtpfake.Greeting, "554 no service"), want: notAccepted(provider, other, 554)},
	{row: 8, name: "silent", server: on(smtpfake.Greeting, hang), want: notAccepted(provider, laterOrOther, 0)},
	{row: 8, name: "garbage", server: on(smtpfake.Greeting, smtpfake.Action{Raw: "SSH-2.0-OpenSSH\r\n"}), want: notAccepted(provider, laterOrOther, 0)},
	{row: 8, name: "endless", server: on(smtpfake.Greeting, smtpfake.Action{Raw: strings.Repeat("220-x\r\n", 20_000)}), want: notAccepted(provider, laterOrOther, 0)},
	{row: 9, name: "EHLO 451", server: reply(smtpfake.EHLO, "451 4.3.0 no"), want: notAccepted(provider, laterOrOther, 451)},
	{row: 9, name: "EHLO 550 for the name", server: withTLS(reply(smtpfake.EHLO, "550 5.7.1 bad helo")), client: useTLS(smtp.STARTTLS), want: notAccepted(account, other, 550)},
	{row: 9, name: "EHLO 502 where TLS is required", server: withTLS(reply(smtpfake.EHLO, "502 what")), client: useTLS(smtp.STARTTLS), want: notAccepted(provider, other, 502)},
	{row: 10, name: "not offered", client: useTLS(smtp.STARTTLS), want: notAccepted(provider, other, 0).with(mailer.ErrTLSPolicy)},
	{row: 11, name: "454", server: withTLS(reply(smtpfake.STARTTLS, "454 4.3.0 not now")), client: useTLS(smtp.STARTTLS), want: notAccepted(provider, laterOrOther, 454)},
	{row: 11, name: "502", server: withTLS(reply(smtpfake.STARTTLS, "502 5.5.1 no")), client: useTLS(smtp.STARTTLS), want: notAccepted(provider, other, 502).with(mailer.ErrTLSPolicy)},
	{row: 12, name: "injected", server: withTLS(on(smtpfake.STARTTLS, smtpfake.Action{Raw: "220 go\r\n250 ok\r\n"})), client: useTLS(smtp.STARTTLS),
		want: notAccepted(provider, other, 0).with(mailer.ErrTLSPolicy)},
	{row: 13, name: "AUTH not offered", client: logIn, want: notAccepted(account, other, 0).with(mailer.ErrUnauthorized)},
	{row: 13, name: "mechanism not offered", server: withUsers(smtpfake.Config{}), client: func(c *smtp.Config) { logIn(c); c.Auth = "CRAM-MD5" },
		want: notAccepted(account, other, 0).with(mailer.ErrUnauthorized)},
	{row: 14, name: "535", server: withUsers(smtpfake.Config{}), client: func(c *smtp.Config) { logIn(c); c.Password = mailer.NewSecret("wrong") },
		want: notAccepted(account, other, 535).with(mailer.ErrUnauthorized)},
	{row: 14, name: "534", server: withUsers(reply(smtpfake.AUTH, "534 5.7.9 too weak")), client: logIn, want: notAccepted(account, other, 534).with(mailer.ErrUnauthorized)},
	{row: 14, name: "538", server: withUsers(reply(smtpfake.AUTH, "538 5.7.11 encrypt")), client: logIn, want: notAccepted(account, other, 538).with(mailer.ErrUnauthorized)},
	{row: 15, name: "454", server: withUsers(reply(smtpfake.AUTH, "454 4.7.0 not now")), client: logIn, want: notAccepted(provider, laterOrOther, 454)},
	{row: 15, name: "lost", server: withUsers(on(smtpfake.AUTH, fin)), client: logIn, want: notAccepted(provider, laterOrOther, 0)},
	{row: 16, name: "550 sender", server: reply(smtpfake.MAIL, "550 5.7.1 not yours"), want: notAccepted(sender, other, 550).with(mailer.ErrSenderRefused)},
	{row: 16, name: "550 sender, and hangs up", server: on(smtpfake.MAIL, smtpfake.Action{Reply: "550 5.7.1 not yours", Then: smtpfake.FIN}),
		want: notAccepted(sender, other, 550).with(mailer.ErrSenderRefused)},
	{row: 16, name: "550 sender, then 421", server: on(smtpfake.MAIL, smtpfake.Action{Raw: "550 5.7.1 not yours\r\n421 4.7.0 bye\r\n", Then: smtpfake.FIN}),
		want: notAccepted(sender, other, 550).with(mailer.ErrSenderRefused)},
	{row: 16, name: "one flight, 550 sender, and hangs up", server: smtpfake.Config{Extensions: smtpfake.AllExtensions(),
		Hook: smtpfake.On(smtpfake.MAIL, smtpfake.Action{Reply: "550 5.7.1 not yours", Then: smtpfake.FIN})},
		msg: func(m *mailer.Message) { m.Delivery = mailer.AtLeastOnce }, want: unanswered(provider, 0)},
	{row: 16, name: "553 sender", server: reply(smtpfake.MAIL, "553 not yours"), want: notAccepted(sender, other, 553).with(mailer.ErrSenderRefused)},
	{row: 16, name: "501 5.1.7 sender", server: reply(smtpfake.MAIL, "501 5.1.7 domain not linked"), want: notAccepted(sender, other, 501)},
	{row: 16, name: "530", server: reply(smtpfake.MAIL, "530 5.7.0 authenticate"), want: notAccepted(account, other, 530).with(mailer.ErrUnauthorized)},
	{row: 16, name: "552 size", server: reply(smtpfake.MAIL, "552 5.3.4 too big"), want: notAccepted(message, other, 552)},
	{row: 16, name: "size known beforehand", server: smtpfake.Config{Extensions: smtpfake.Extensions{SizeLimit: 1000}}, msg: big, want: notAccepted(message, other, 0)},
	{row: 16, name: "555 parameter", server: reply(smtpfake.MAIL, "555 5.5.4 what"), want: notAccepted(account, other, 555)},
	{row: 16, name: "SMTPUTF8 needed", server: smtpfake.Config{Extensions: relay}, msg: utf8Local, want: notAccepted(message, other, 0).with(mailer.ErrUnsupported)},
	{row: 17, name: "451", server: reply(smtpfake.MAIL, "451 4.3.0 no"), want: notAccepted(provider, laterOrOther, 451)},
	{row: 17, name: "452", server: reply(smtpfake.MAIL, "452 too many"), want: notAccepted(rate, laterOrOther, 452)},
	{row: 17, name: "421", server: on(smtpfake.MAIL, smtpfake.Action{Reply: "421 4.3.2 bye", Then: smtpfake.FIN}), want: notAccepted(provider, laterOrOther, 421)},
	{row: 18, name: "550", server: reply(smtpfake.RCPT, "550 5.1.1 who"), want: notAccepted(recipient, stop, 550).with(mailer.ErrRecipientRefused)},
	{row: 18, name: "one of three", to: 3, server: smtpfake.Config{Extensions: relay, Hook: refuseSecond("550 5.1.1 who")},
		want: verdict{outcome: mailer.PartlyAccepted, scope: recipient, code: 550, is: mailer.ErrPartlyAccepted, delivered: 1}},
	{row: 18, name: "one of three, all or none", to: 3, server: smtpfake.Config{Extensions: relay, Hook: refuseSecond("550 5.1.1 who")},
		msg: func(m *mailer.Message) { m.AllOrNone = true }, want: notAccepted(recipient, stop, 550)},
	{row: 19, name: "relay denied", to: 2, server: reply(smtpfake.RCPT, "554 5.7.1 relay access denied"), want: notAccepted(account, other, 554)},
	{row: 19, name: "policy, one of three", to: 3, server: smtpfake.Config{Extensions: relay, Hook: refuseSecond("550 5.7.1 policy")},
		want: verdict{outcome: mailer.PartlyAccepted, scope: recipient, code: 550, delivered: 1}},
	{row: 20, name: "grey-listed", server: reply(smtpfake.RCPT, "450 4.7.1 greylisted"), want: notAccepted(recipient, later, 450)},
	{row: 20, name: "too many", to: 3, server: smtpfake.Config{Extensions: relay, MaxRecipients: 2},
		want: verdict{outcome: mailer.PartlyAccepted, scope: recipient, flags: laterOrOther, code: 452, delivered: 1}},
	{row: 20, name: "too many, the old way", to: 3, server: smtpfake.Config{Extensions: relay, Hook: refuseSecond("552 too many recipients")},
		want: verdict{outcome: mailer.PartlyAccepted, scope: recipient, flags: laterOrOther, code: 552, delivered: 1}},
	{row: 20, name: "server's own trouble", server: reply(smtpfake.RCPT, "451 4.3.0 lookup"), want: notAccepted(provider, laterOrOther, 451)},
	{row: 21, name: "lost", to: 3, server: smtpfake.Config{Extensions: relay, Hook: smtpfake.OnNth(smtpfake.RCPT, 2, fin)}, want: notAccepted(provider, laterOrOther, 0)},
	{row: 22, name: "451", server: reply(smtpfake.DATA, "451 4.3.0 no"), want: notAccepted(provider, laterOrOther, 451)},
	{row: 22, name: "554", server: reply(smtpfake.DATA, "554 5.5.1 no valid recipients"), want: notAccepted(message, other, 554)},
	{row: 22, name: "neither 354 nor a refusal", server: reply(smtpfake.DATA, "250 ok"), want: notAccepted(provider, laterOrOther, 0)},
	{row: 23, name: "354 although all are refused", to: 2, server: smtpfake.Config{Extensions: relay, Hook: refuseAllBut354},
		want: notAccepted(recipient, stop, 550)},
	{row: 24, name: "source fails", server: smtpfake.Config{Extensions: relay}, msg: failing, want: notAccepted(caller, stop, 0)},
	{row: 24, name: "source fails, BDAT", server: smtpfake.Config{Extensions: smtpfake.AllExtensions()}, msg: failing, want: notAccepted(caller, stop, 0)},
	{row: 25, name: "stalls", server: deafAfter(100_000), msg: big, want: notAccepted(provider, laterOrOther, 0)},
	{row: 25, name: "refused on the way", server: smtpfake.Config{Extensions: relay}, client: refusedAfter(100_000, "552 5.3.4 too big\r\n"), msg: big,
		want: notAccepted(message, other, 552)},
	{row: 25, name: "lost", server: on(smtpfake.DATA, smtpfake.Action{Then: smtpfake.FIN}), msg: big, want: notAccepted(provider, laterOrOther, 0)},
	{row: 26, name: "cancelled", server: deafAfter(100_000), msg: big, cancel: smtpfake.DATA,
		want: notAccepted(caller, stop, 0).with(context.Canceled)},
	{row: 27, name: "terminator partly written", server: smtpfake.Config{Extensions: relay}, client: cutBeforeLastByte,
		want: notAccepted(provider, laterOrOther, 0)},
	{row: 28, name: "accepted, reply lost", server: on(smtpfake.Content, lost), want: unanswered(provider, 1)},
	{row: 28, name: "not accepted, reply lost", server: on(smtpfake.Content, smtpfake.Action{Decision: smtpfake.Refuse, Silent: true, Then: smtpfake.FIN}), want: unanswered(provider, 0)},
	{row: 28, name: "silence", server: on(smtpfake.Content, smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.Hang}), want: unanswered(provider, 1)},
	{row: 28, name: "BDAT, reply lost", server: smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: smtpfake.On(smtpfake.Content, lost)}, want: unanswered(provider, 1)},
	{row: 28, name: "one flight, reply to MAIL lost", server: smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: smtpfake.On(smtpfake.MAIL, fin)},
		msg: func(m *mailer.Message) { m.Delivery = mailer.AtLeastOnce }, want: unanswered(provider, 0)},
	{row: 29, name: "2", server: on(smtpfake.Content, smtpfake.Action{Raw: "2", Then: smtpfake.FIN}), want: unanswered(provider, 1)},
	{row: 29, name: "250-ok", server: on(smtpfake.Content, smtpfake.Action{Raw: "250-ok\r\n", Then: smtpfake.FIN}), want: unanswered(provider, 1)},
	{row: 29, name: "550 without its end", server: on(smtpfake.Content, smtpfake.Action{Decision: smtpfake.Refuse, Raw: "550 no", Then: smtpfake.FIN}), want: unanswered(provider, 0)},
	{row: 30, name: "garbage", server: on(smtpfake.Content, smtpfake.Action{Raw: "what\r\n"}), want: unanswered(provider, 1)},
	{row: 30, name: "354", server: on(smtpfake.Content, smtpfake.Action{Raw: "354 go\r\n"}), want: unanswered(provider, 1)},
	{row: 30, name: "a reply to something else", server: on(smtpfake.Content, smtpfake.Action{Raw: "221 bye\r\n"}), want: unanswered(provider, 1)},
	{row: 31, name: "250", server: smtpfake.Config{Extensions: relay}, want: verdict{outcome: mailer.Accepted, delivered: 1}},
	{row: 31, name: "250, BDAT", server: smtpfake.Config{Extensions: smtpfake.AllExtensions()}, want: verdict{outcome: mailer.Accepted, delivered: 1}},
	{row: 32, name: "451", server: reply(smtpfake.Content, "451 4.3.0 no"), want: notAccepted(provider, laterOrOther, 451)},
	{row: 32, name: "421", server: on(smtpfake.Content, smtpfake.Action{Reply: "421 4.3.2 bye", Then: smtpfake.FIN}), want: notAccepted(provider, laterOrOther, 421)},
	{row: 32, name: "432 throttled", server: reply(smtpfake.Content, "432 4.3.2 concurrent connections"), want: notAccepted(rate, laterOrOther, 432)},
	{row: 32, name: "content, for now", server: reply(smtpfake.Content, "451 4.6.0 scanner"), want: notAccepted(message, later, 451)},
	{row: 33, name: "content refused", server: reply(smtpfake.Content, "550 5.7.1 spam"), want: notAccepted(message, stop, 550)},
	{row: 33, name: "too big after all", server: reply(smtpfake.Content, "552 5.3.4 too big"), want: notAccepted(message, other, 552)},
	{row: 33, name: "BDAT refused", server: smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: smtpfake.On(smtpfake.Content, smtpfake.Action{Reply: "554 5.7.1 spam"})},
		want: notAccepted(message, stop, 554)},
	{row: 34, name: "cancelled", server: on(smtpfake.Content, smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.Hang}), cancel: smtpfake.Content,
		want: verdict{outcome: mailer.Unknown, scope: caller, is: context.Canceled, delivered: 1}},
	{row: 35, name: "closed after 250", server: on(smtpfake.Content, smtpfake.Action{Then: smtpfake.FIN}), want: verdict{outcome: mailer.Accepted, delivered: 1}},
	{row: 35, name: "421 after 250", server: on(smtpfake.Content, smtpfake.Action{Raw: "250 2.0.0 ok\r\n421 4.3.2 bye\r\n", Then: smtpfake.FIN}), want: verdict{outcome: mailer.Accepted, delivered: 1}},
}

// rowsOfAnAttempt are the rows that one attempt can meet. 36 is a later bounce, 38 is
// LMTP, 39 the end of the process. 37 takes two messages: TestRow37.
func rowsOfAnAttempt() []int {
	var rows []int
	for row := 1; row <= 35; row++ {
		rows = append(rows, row)
	}
	return rows
}

func TestRowsAreComplete(t *testing.T) {
	for _, row := range rowsOfAnAttempt() {
		if !slices.ContainsFunc(rowCases, func(c rowCase) bool { return c.row == row }) {
			t.Errorf("SMTP row %d has no case", row)
		}
	}
}

func TestRows(t *testing.T) {
	for _, c := range rowCases {
		t.Run(fmt.Sprintf("%d %s", c.row, c.name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t) })
		})
	}
}

func (c rowCase) run(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hook := c.server.Hook
	c.server.Hook = func(e *smtpfake.Event) smtpfake.Action {
		if c.cancel != 0 && e.Point == c.cancel {
			time.AfterFunc(time.Second, cancel) // once the client waits
		}
		if hook == nil {
			return smtpfake.Action{}
		}
		return hook(e)
	}
	server := smtpfake.New(c.server)
	cfg := smtp.Config{Host: "localhost", Security: smtp.Plaintext, Dial: pipeTo(server)}
	if c.client != nil {
		c.client(&cfg)
	}
	client, err := smtp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll(t, client, server)
	msg := newMessage(max(1, c.to))
	if c.msg != nil {
		c.msg(msg)
	}
	receipt, err := client.Send(ctx, msg)
	synctest.Wait()
	c.want.check(t, receipt, err, len(server.Messages()))
	for _, v := range server.Violations() {
		t.Errorf("violation: %v", v)
	}
}

func (v verdict) check(t *testing.T, receipt *mailer.Receipt, err error, delivered int) {
	t.Helper()
	if delivered != v.delivered {
		t.Errorf("the server took %d copies, want %d", delivered, v.delivered)
	}
	if v.outcome == mailer.Accepted {
		if err != nil || receipt == nil || receipt.Outcome != mailer.Accepted {
			t.Errorf("got %+v, %v; want Accepted", receipt, err)
		}
		return
	}
	var e *mailer.SendError
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want a *SendError", err)
	}
	t.Log(e)
	flags := strings.TrimSpace(map[bool]string{true: later}[e.Temporary] + " " + map[bool]string{true: other}[e.Elsewhere])
	if e.Outcome != v.outcome || e.Scope != v.scope || flags != v.flags || e.Code != v.code {
		t.Errorf("got  %v, scope %v, %q, code %d\nwant %v, scope %v, %q, code %d",
			e.Outcome, e.Scope, flags, e.Code, v.outcome, v.scope, v.flags, v.code)
	}
	if v.is != nil && !errors.Is(err, v.is) {
		t.Errorf("errors.Is(err, %q) is false", v.is)
	}
	if (receipt == e.Receipt) != (v.outcome == mailer.PartlyAccepted) {
		t.Errorf("receipt %p beside the error's %p", receipt, e.Receipt)
	}
}

// deafAfter is a server that reads nothing more after n bytes.
func deafAfter(n int64) smtpfake.Config {
	return smtpfake.Config{Extensions: relay, Wrap: func(_ int, conn net.Conn) net.Conn {
		return faultconn.Wrap(conn, faultconn.Fault{Dir: faultconn.Inbound, After: n, Kind: faultconn.Hang})
	}}
}

// refusedAfter is a connection whose server reads n bytes, says why it reads no more, and resets it.
func refusedAfter(n int, why string) func(*smtp.Config) {
	return func(c *smtp.Config) {
		dial := c.Dial
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return &refusedConn{conn, n, strings.NewReader(why)}, err
		}
	}
}

type refusedConn struct {
	net.Conn
	left int
	why  io.Reader
}

func (c *refusedConn) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:c.left])
	c.left = 0
	return n, syscall.EPIPE
}

func (c *refusedConn) Read(p []byte) (int, error) {
	if c.left > 0 {
		return c.Conn.Read(p)
	}
	return c.why.Read(p)
}

func refuseSecond(text string) smtpfake.Hook {
	return smtpfake.OnNth(smtpfake.RCPT, 2, smtpfake.Action{Reply: text})
}

func refuseAllBut354(e *smtpfake.Event) smtpfake.Action {
	switch e.Point {
	case smtpfake.RCPT:
		return smtpfake.Action{Reply: "550 5.1.1 who"}
	case smtpfake.DATA:
		return smtpfake.Action{Raw: "354 go ahead\r\n"}
	}
	return smtpfake.Action{}
}

// cutBeforeLastByte loses the connection when all but the last byte of the terminator is through.
func cutBeforeLastByte(c *smtp.Config) {
	dial := c.Dial
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return &cutConn{Conn: conn}, err
	}
}

type cutConn struct{ net.Conn }

func (c *cutConn) Write(p []byte) (int, error) {
	if !strings.HasSuffix(string(p), "\r\n.\r\n") {
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:len(p)-1])
	_ = c.Conn.Close()
	return n, io.ErrClosedPipe
}
