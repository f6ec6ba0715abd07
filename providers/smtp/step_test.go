package smtp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// prepared returns m with the name by which the server's copies of it are known.
func prepared(t *testing.T, m *mailer.Message) *mailer.Message {
	t.Helper()
	m, err := mailer.Prepare(m)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wantTruth sends msg and compares each verdict, once settle returns, with what the
// server took of it. It returns the verdict about the whole.
func wantTruth(t *testing.T, client *smtp.Client, server *smtpfake.Server, msg *mailer.Message, settle func()) mailer.Outcome {
	t.Helper()
	tr := &trial{msg: msg}
	tr.send(t, client, bug{})
	settle()
	tr.decided.Store(true) // how soon Unknown may be said is TestCuts' business
	for _, m := range server.Messages() {
		if bytes.Contains(m.Data, []byte(msg.MessageID)) {
			tr.messages = append(tr.messages, m)
		}
	}
	for _, objection := range tr.contradictions(render(t, msg, eml.Options{})) {
		t.Errorf("%s\n\t%v", objection, tr.err)
	}
	return tr.outcome()
}

// TestRefusalTwice: the second refusal of a recipient, seen when the content has begun,
// ends the connection. Another message would complete the chunk that the server waits for.
func TestRefusalTwice(t *testing.T) {
	const twice = "550 5.1.1 who\r\n550 5.1.1 who\r\n"
	for size := 150 << 10; size < 200<<10; size += 3 << 10 { // each leaves another rest of the chunk unsent
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions(),
					Hook: smtpfake.OnNth(smtpfake.RCPT, 2, smtpfake.Action{Reply: "550 5.1.1 who", Raw: twice})})
				client := must(smtp.New(plaintext(pipeTo(server))))
				defer closeAll(t, client, server)
				large := newMessage(2)
				large.Attachments = []mailer.Attachment{{Name: "a.bin", Content: mailer.Bytes(bytes.Repeat([]byte("x"), size))}}
				if got := wantTruth(t, client, server, prepared(t, large), synctest.Wait); got != mailer.NotAccepted {
					t.Errorf("the first message: %v, want NotAccepted", got)
				}
				if got := wantTruth(t, client, server, prepared(t, hidden()), synctest.Wait); got != mailer.Accepted {
					t.Errorf("the next message: %v, want Accepted", got)
				}
				for _, m := range server.Messages() {
					if bytes.Contains(m.Data, []byte("secret")) {
						t.Errorf("%v got the envelope of another message", m.Addresses())
					}
				}
				if got := server.Stats(); got.Messages != 1 || got.Conns != 2 {
					t.Errorf("%d messages over %d connections, want 1 over 2", got.Messages, got.Conns)
				}
			})
		})
	}
}

// hidden is a message with a long envelope that nobody may see.
func hidden() *mailer.Message {
	m := newMessage(1)
	for i := range 99 {
		m.Bcc = append(m.Bcc, mailer.Address{Address: fmt.Sprintf("secret%d@%s.example.com", i, strings.Repeat("x", 60))})
	}
	return m
}

// TestExtraReply: a reply too many, in a TLS record of its own but in the same segment as
// others, is not taken for the answer to what was sent after it.
func TestExtraReply(t *testing.T) {
	for _, c := range []struct {
		name string
		hook smtpfake.Hook
		want []mailer.Outcome // of one message after the other
	}{
		{"after the content", extraAfterContent, []mailer.Outcome{mailer.Accepted, mailer.NotAccepted}},
		{"after MAIL", extraAfterMail, []mailer.Outcome{mailer.NotAccepted, mailer.NotAccepted}},
	} {
		cfg := smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: c.hook}
		t.Run(c.name+", pipe", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(cfg)
				overRecords(t, server, c.want, synctest.Wait, func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go server.ServeConn(newRecordConn(theirs))
					return ours, nil
				})
			})
		})
		t.Run(c.name+", TCP", func(t *testing.T) {
			server := smtpfake.New(cfg)
			l := must(net.Listen("tcp", "127.0.0.1:0"))
			go func() { _ = server.Serve(recordListener{l}) }() // until the server is closed
			overRecords(t, server, c.want, func() {}, func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
			})
		})
	}
}

// extraAfterContent takes the first message, says so twice, and refuses the others.
func extraAfterContent(e *smtpfake.Event) smtpfake.Action {
	switch {
	case e.Point == smtpfake.Content && e.Seen == 1:
		return smtpfake.Action{Raw: "250 2.0.0 taken\r\n250 2.0.0 taken\r\n"}
	case e.Point == smtpfake.Content:
		return smtpfake.Action{Reply: "554 5.7.1 spam"}
	}
	return smtpfake.Action{}
}

// extraAfterMail answers MAIL twice, and refuses every message.
func extraAfterMail(e *smtpfake.Event) smtpfake.Action {
	switch e.Point {
	case smtpfake.MAIL:
		return smtpfake.Action{Raw: "250 2.1.0 ok\r\n250 2.1.0 ok\r\n"}
	case smtpfake.Content:
		return smtpfake.Action{Reply: "554 5.7.1 spam"}
	}
	return smtpfake.Action{}
}

// overRecords sends a message for each of the outcomes, which take a connection each.
func overRecords(t *testing.T, server *smtpfake.Server, want []mailer.Outcome, settle func(), dial func(context.Context, string, string) (net.Conn, error)) {
	t.Helper()
	client := must(smtp.New(smtp.Config{Host: "localhost", Security: smtp.ImplicitTLS, TLSConfig: certs.Client("localhost"), Dial: dial}))
	defer closeAll(t, client, server)
	for i, outcome := range want {
		if got := wantTruth(t, client, server, prepared(t, newMessage(1)), settle); got != outcome {
			t.Errorf("message %d: %v, want %v", i+1, got, outcome)
		}
	}
	if n := server.Stats().Conns; n != int64(len(want)) {
		t.Errorf("%d connections, want %d", n, len(want))
	}
}

// A recordConn is the server's end of a TLS connection. It sends each line in a record of
// its own, and the records of one Write together.
type recordConn struct {
	*tls.Conn
	segment *segment
}

func newRecordConn(conn net.Conn) *recordConn {
	s := &segment{Conn: conn}
	cfg := testcert.Server(certs.Valid)
	cfg.SessionTicketsDisabled = true // nothing but replies comes after the handshake
	return &recordConn{tls.Server(s, cfg), s}
}

func (c *recordConn) Write(p []byte) (int, error) {
	if err := c.Handshake(); err != nil {
		return 0, err
	}
	c.segment.hold = true
	for line := range bytes.Lines(p) {
		if _, err := c.Conn.Write(line); err != nil {
			return 0, err
		}
	}
	return len(p), c.segment.release()
}

// Close leaves out the alert, for it may come while a Write is under way.
func (c *recordConn) Close() error { return c.segment.Conn.Close() }

// A segment gathers what is written while it holds.
type segment struct {
	net.Conn
	hold bool
	held []byte
}

func (s *segment) Write(p []byte) (int, error) {
	if !s.hold {
		return s.Conn.Write(p)
	}
	s.held = append(s.held, p...)
	return len(p), nil
}

func (s *segment) release() error {
	_, err := s.Conn.Write(s.held)
	s.hold, s.held = false, nil
	return err
}

type recordListener struct{ net.Listener }

func (l recordListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newRecordConn(conn), nil
}

// TestOneFlightOutOfStep: with everything in one flight, a refusal opposite to MAIL or
// RCPT does not count while the server takes the message.
func TestOneFlightOutOfStep(t *testing.T) {
	for _, c := range []struct {
		name string
		at   smtpfake.Point
		raw  string
		to   int
	}{
		{"stray before MAIL's reply", smtpfake.MAIL, "550 5.0.0 stray\r\n250 2.1.0 ok\r\n", 1},
		{"stray before MAIL's reply, three recipients", smtpfake.MAIL, "550 5.0.0 stray\r\n250 2.1.0 ok\r\n", 3},
		{"stray before RCPT's reply", smtpfake.RCPT, "550 5.0.0 stray\r\n250 2.1.5 ok\r\n", 1},
		{"recipient refused, content taken", smtpfake.RCPT, "550 5.1.1 who\r\n", 1},
		{"all recipients refused, content taken", smtpfake.RCPT, "550 5.1.1 who\r\n", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := shape{server: smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: smtpfake.On(c.at, smtpfake.Action{Raw: c.raw})},
					msg: atLeastOnce, to: c.to}
				msg, contents := s.prepare(t)
				tr := s.play(t, msg, cut{}, bug{})
				for _, objection := range tr.contradictions(contents...) {
					t.Errorf("%s\n\t%v", objection, tr.err)
				}
				if len(tr.messages) != 1 || tr.outcome() != mailer.Unknown {
					t.Errorf("%v, and the server took %d copies; want Unknown and 1", tr.outcome(), len(tr.messages))
				}
			})
		})
	}
}

// TestUnknownBDAT: a server that offers CHUNKING and does not know BDAT takes the octets
// for commands. The connection is closed without a word, and DATA used from then on.
func TestUnknownBDAT(t *testing.T) {
	for _, code := range []int{500, 502} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions(),
					Hook: smtpfake.OnNth(smtpfake.Content, 1, smtpfake.Action{Reply: fmt.Sprint(code, " 5.5.1 what")})})
				var wires opened
				client := must(smtp.New(plaintext(counted(&wires, pipeTo(server)))))
				defer closeAll(t, client, server)
				receipt, err := client.Send(t.Context(), newMessage(1))
				synctest.Wait()
				notAccepted(provider, laterOrOther, code).check(t, receipt, err, len(server.Messages()))
				if wires.open() != 0 || countVerb(server, "QUIT") != 0 {
					t.Errorf("%d connections open, %d QUIT; want none", wires.open(), countVerb(server, "QUIT"))
				}
				if got := wantTruth(t, client, server, prepared(t, newMessage(1)), synctest.Wait); got != mailer.Accepted {
					t.Errorf("the next message: %v, want Accepted", got)
				}
				if !slices.ContainsFunc(server.Messages(), func(m smtpfake.Message) bool { return m.Conn == 2 && m.Chunks == 0 }) {
					t.Errorf("the next message did not come with DATA over another connection:\n%s", server.Transcript(2))
				}
			})
		})
	}
}
