package smtp_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	mathbig "math/big"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/wneessen/go-mail"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// What a Message cannot say, and what go-mail lets into a header, is refused with its reason. msg is left as it was.
func TestFromGoMailRefuses(t *testing.T) {
	file := func(m *mail.Msg, options ...mail.FileOption) {
		m.AttachReadSeeker("a.bin", strings.NewReader("octets"), options...)
	}
	for name, c := range map[string]struct {
		change func(*mail.Msg)
		is     error
		reason string
	}{
		"PGP encrypted":  {func(m *mail.Msg) { m.SetPGPType(mail.PGPEncrypt) }, mailer.ErrUnsupported, "encrypted"},
		"PGP signed":     {func(m *mail.Msg) { m.SetPGPType(mail.PGPSignature) }, mailer.ErrUnsupported, "signed"},
		"S/MIME":         {func(m *mail.Msg) { ok(m.SignWithTLSCertificate(signer())) }, mailer.ErrUnsupported, "signed"},
		"DKIM":           {signWithDKIM, mailer.ErrUnsupported, "DKIM"},
		"a message file": {func(m *mail.Msg) { file(m, mail.WithFileContentType("message/rfc822")) }, mailer.ErrUnsupported, "message/rfc822"},
		"own MIME field": {func(m *mail.Msg) { m.SetGenHeader("Content-Type", "text/plain") }, mailer.ErrUnsupported, "go-mail itself writes"},

		"Bcc as a field": {func(m *mail.Msg) { m.SetGenHeader("Bcc", "eve@example.com") }, mailer.ErrUnsupported, "everybody would see"},

		"preformatted": {func(m *mail.Msg) { m.SetGenHeaderPreformatted("X-Own", "a") }, mailer.ErrUnsupported, `"X-Own" was not set`},
		"field in a preformatted value": {func(m *mail.Msg) { m.SetListUnsubscribe("https://a>\r\nBcc: eve@example.com\r\nX: <") },
			mailer.ErrUnsupported, `"Bcc" was not set`},
		"field in a name":   {func(m *mail.Msg) { m.SetGenHeader("X-A: b\r\nBcc", "eve@example.com") }, mailer.ErrUnsupported, `"X-A" was not set`},
		"subject in a name": {func(m *mail.Msg) { m.SetGenHeader("Subject: b\r\nX-A", "x") }, mailer.ErrInvalidMessage, "twice"},
		"body in a value":   {func(m *mail.Msg) { m.SetListUnsubscribe("https://a>\r\n\r\nbody<") }, mailer.ErrInvalidMessage, "ends within"},
		"sender in a value": {func(m *mail.Msg) { m.SetListUnsubscribe("https://a>\r\nFrom: eve@example.com\r\n\r\n<") }, mailer.ErrInvalidMessage, "ends within"},
		"message in a value": {func(m *mail.Msg) {
			m.SetListUnsubscribe("https://a>\r\nFrom: ann@example.com\r\nTo: bob@example.net, cid@example.net\r\nContent-Type: text/plain\r\n\r\nown<")
		}, mailer.ErrInvalidMessage, "ends within"},
		"empty line in name": {func(m *mail.Msg) { m.SetGenHeader("From: ann@example.com\r\n\r\nX", "x") }, mailer.ErrInvalidMessage, "ends within"},

		"field in a Content-ID": {func(m *mail.Msg) { file(m, mail.WithFileContentID("a\r\nX: b")) }, mailer.ErrInvalidMessage, "file is described"},
		"field in a type":       {func(m *mail.Msg) { file(m, mail.WithFileContentType("text/plain\r\nX: b")) }, mailer.ErrInvalidMessage, "file is described"},
		"field in a part": {func(m *mail.Msg) {
			m.AddAlternativeString(mail.TypeTextHTML, "x", mail.WithPartContentDescription("a\nX: b"))
		}, mailer.ErrInvalidMessage, "part is described"},

		"middleware that reads files": {func(m *mail.Msg) { file(m); use(m, readFiles) }, mailer.ErrUnsupported, "middleware"},
		"middleware that adds a recipient": {func(m *mail.Msg) {
			use(m, func(m *mail.Msg) { ok(m.AddTo("eve@example.com")) })
		}, mailer.ErrInvalidMessage, "other addresses"},
		"middleware that drops files": {func(m *mail.Msg) { file(m); use(m, (*mail.Msg).UnsetAllAttachments) }, mailer.ErrUnsupported, "middleware"},
		"middleware that encrypts":    {func(m *mail.Msg) { file(m); use(m, encryptFiles) }, mailer.ErrUnsupported, "middleware"},
		"body that fails":             {func(m *mail.Msg) { m.SetBodyWriter(mail.TypeTextPlain, failingWriter) }, errBody, ""},
		"no sender":                   {func(m *mail.Msg) { m.Reset() }, mailer.ErrInvalidMessage, "neither From"},
		"file without content":        {func(m *mail.Msg) { m.SetEmbeds([]*mail.File{{Name: "a"}}) }, mailer.ErrInvalidMessage, "no content"},
	} {
		t.Run(name, func(t *testing.T) {
			msg := goMailMessage(c.change)
			attachments := len(msg.GetAttachments())
			m, err := smtp.FromGoMail(msg)
			if m != nil || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v and %v, want %v: %s", m, err, c.is, c.reason)
			}
			if len(msg.GetAttachments()) != attachments {
				t.Errorf("%d attachments are left of %d", len(msg.GetAttachments()), attachments)
			}
		})
	}
	if _, err := smtp.FromGoMail(nil); !errors.Is(err, mailer.ErrInvalidMessage) {
		t.Errorf("nil: %v", err)
	}
}

// Values that go-mail encodes are no fields of their own. As text they hold line ends, which Prepare refuses.
func TestFromGoMailHostileValues(t *testing.T) {
	const hostile = "a\r\nBcc: eve@example.com"
	for name, change := range map[string]func(*mail.Msg){
		"subject":      func(m *mail.Msg) { m.Subject(hostile) },
		"field":        func(m *mail.Msg) { m.SetGenHeader("X-Own", hostile) },
		"Message-ID":   func(m *mail.Msg) { m.SetMessageIDWithValue(hostile) },
		"display name": func(m *mail.Msg) { m.FromMailAddress(&mailer.Address{Name: hostile, Address: "ann@example.com"}) },
		"address": func(m *mail.Msg) {
			m.ToMailAddress(&mailer.Address{Address: "bob@example.net>\r\nBcc: <eve@example.com"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := smtp.FromGoMail(goMailMessage(change))
			if err != nil {
				return // refused earlier
			}
			if len(m.Bcc) > 0 || len(m.Recipients()) != 2 {
				t.Errorf("goes to %q", m.Recipients())
			}
			if p, err := mailer.Prepare(m); err == nil {
				t.Errorf("prepared as %+v", p)
			}
		})
	}
}

// A second conversion, after a doubtful send for example, has the identity of the first.
func TestFromGoMailIdentity(t *testing.T) {
	msg := goMailMessage(nil)
	first := must(smtp.FromGoMail(msg))
	second := must(smtp.FromGoMail(msg))
	if first.MessageID == "" || first.MessageID != second.MessageID || !first.Date.Equal(second.Date) {
		t.Errorf("%s of %v, then %s of %v", first.MessageID, first.Date, second.MessageID, second.Date)
	}
}

// The message is left as it was, but for its identity.
func TestFromGoMailLeavesTheMessage(t *testing.T) {
	msg := goMailMessage(func(m *mail.Msg) {
		m.SetBodyString(mail.TypeTextPlain, "x", mail.WithPartEncoding(mail.NoEncoding))
		m.SetBoundary("fixed")
		m.AttachReadSeeker("a.bin", strings.NewReader("octets"), mail.WithFileEncoding(mail.NoEncoding))
		m.EmbedReadSeeker("b.bin", strings.NewReader("octets"))
	})
	attached, embedded := msg.GetAttachments()[0], msg.GetEmbeds()[0]
	_ = must(smtp.FromGoMail(msg))
	if msg.GetAttachments()[0] != attached || msg.GetEmbeds()[0] != embedded || len(attached.Header)+len(embedded.Header) > 0 {
		t.Error("the files are others")
	}
	if msg.GetBoundary() != "fixed" || msg.GetParts()[0].GetEncoding() != mail.NoEncoding || attached.Enc != mail.NoEncoding {
		t.Errorf("boundary %q, encodings %q and %q", msg.GetBoundary(), msg.GetParts()[0].GetEncoding(), attached.Enc)
	}
}

// A file is read to its end and one at a time, whatever its readers do, since go-mail rewinds it only there.
func TestFromGoMailFileIsRewound(t *testing.T) {
	octets := strings.Repeat("0123456789", 20_000)
	seeker := strings.NewReader(octets)
	m := must(smtp.FromGoMail(goMailMessage(func(m *mail.Msg) {
		m.AttachReadSeeker("a.bin", readSeeker{iotest.HalfReader(seeker), seeker})
	})))
	content := m.Attachments[0].Content
	r := must(content.Open())
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("a closed file reads %v", err)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			r := must(content.Open())
			defer func() { _ = r.Close() }()
			if got, err := io.ReadAll(r); err != nil || string(got) != octets {
				t.Errorf("%d of %d octets: %v", len(got), len(octets), err)
			}
		})
	}
	readers.Wait()
}

// What several messages and go-mail itself read of one file, each of them gets whole.
func TestFromGoMailFileIsShared(t *testing.T) {
	octets := strings.Repeat("0123456789", 20_000)
	msg := goMailMessage(func(m *mail.Msg) { m.AttachReadSeeker("a.bin", strings.NewReader(octets)) })
	var readers sync.WaitGroup
	for range 4 {
		m := must(smtp.FromGoMail(msg))
		readers.Go(func() {
			for range 3 {
				r := must(m.Attachments[0].Content.Open())
				if got, err := io.ReadAll(r); err != nil || string(got) != octets {
					t.Errorf("%d of %d octets: %v", len(got), len(octets), err)
				}
				_ = r.Close()
			}
		})
	}
	readers.Go(func() {
		var got strings.Builder
		if _, err := msg.GetAttachments()[0].Writer(&got); err != nil || got.String() != octets {
			t.Errorf("go-mail reads %d of %d octets: %v", got.Len(), len(octets), err)
		}
	})
	readers.Wait()
}

// However often a message is converted, its files are read through one function more.
func TestFromGoMailAgainAndAgain(t *testing.T) {
	depth := 0
	msg := goMailMessage(func(m *mail.Msg) {
		m.AttachReadSeeker("a.bin", strings.NewReader("octets"))
		m.GetAttachments()[0].Writer = func(w io.Writer) (int64, error) {
			depth = runtime.Callers(0, make([]uintptr, 1000))
			n, err := io.WriteString(w, "octets")
			return int64(n), err
		}
	})
	depths := make([]int, 3)
	for i := range depths {
		m := must(smtp.FromGoMail(msg))
		r := must(m.Attachments[0].Content.Open())
		_ = must(io.ReadAll(r))
		_ = r.Close()
		depths[i] = depth
	}
	if depths[1] != depths[0] || depths[2] != depths[0] {
		t.Errorf("calls on the stack: %d", depths)
	}
}

// A file that fails in the middle stays failed, for all that is made of its message: what comes next would be its
// second half.
func TestFromGoMailFileFails(t *testing.T) {
	octets := strings.NewReader(strings.Repeat("0123456789", 20_000))
	failing := iotest.TimeoutReader(octets) // its second Read fails, and only that
	msg := goMailMessage(func(m *mail.Msg) { m.AttachReadSeeker("a.bin", readSeeker{failing, octets}) })
	var m *mailer.Message
	for range 2 {
		m = must(smtp.FromGoMail(msg))
		r := must(m.Attachments[0].Content.Open())
		if got, err := io.ReadAll(r); err == nil || len(got) == int(octets.Size()) {
			t.Errorf("read %d octets, %v", len(got), err)
		}
		_ = r.Close()
	}
	_, _, err := mailer.Spool(t.Context(), m)
	var e *mailer.SendError
	if !errors.As(err, &e) || e.Outcome != mailer.NotAccepted {
		t.Errorf("spooled with %v", err)
	}
}

// readSeeker reads from one and seeks in another.
type readSeeker struct {
	io.Reader
	seeker io.Seeker
}

func (r readSeeker) Seek(offset int64, whence int) (int64, error) {
	return r.seeker.Seek(offset, whence)
}

func use(m *mail.Msg, change func(*mail.Msg)) { mail.WithMiddleware(middleware(change))(m) }

// readFiles is what a middleware does that writes a digest of files into the header.
func readFiles(m *mail.Msg) {
	for _, f := range m.GetAttachments() {
		_ = must(f.Writer(io.Discard))
	}
}

func encryptFiles(m *mail.Msg) {
	for _, f := range m.GetAttachments() {
		f.Writer = func(w io.Writer) (int64, error) {
			n, err := io.WriteString(w, "encrypted")
			return int64(n), err
		}
	}
}

func signWithDKIM(m *mail.Msg) {
	_, key := must2(ed25519.GenerateKey(rand.Reader))
	m.SetDKIM(mail.NewDKIMSigner("example.com", "s1", key))
}

func must2[A, B any](a A, b B, err error) (A, B) {
	if err != nil {
		panic(err)
	}
	return a, b
}

var errBody = errors.New("the body failed")

func failingWriter(io.Writer) (int64, error) { return 0, errBody }

// signer makes up a key and a certificate of its own.
func signer() *tls.Certificate {
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	template := &x509.Certificate{SerialNumber: mathbig.NewInt(1)}
	return &tls.Certificate{PrivateKey: key, Certificate: [][]byte{must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))}}
}
