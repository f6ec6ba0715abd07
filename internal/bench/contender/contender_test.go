package contender_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
)

// server is a strict one that requires AUTH where it speaks TLS.
func server(t *testing.T, withTLS bool) (*smtpfake.Server, contender.Target) {
	t.Helper()
	cfg := smtpfake.Config{Extensions: smtpfake.AllExtensions()}
	target := contender.Target{Host: "127.0.0.1"}
	if withTLS {
		certs := testcert.Must(t)
		cfg.TLS, cfg.ImplicitTLS = testcert.Server(certs.Valid), true
		cfg.Users, cfg.RequireAuth = map[string]string{"user": "secret"}, true
		target.Roots, target.Username, target.Password = certs.Roots, "user", "secret"
	}
	s := smtpfake.Start(t, cfg)
	_, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	target.Port, err = strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return s, target
}

// TestContendersDeliver holds every contender to sending the same mail, without a slip
// against the RFCs, so that none is fast for the wrong reason.
func TestContendersDeliver(t *testing.T) {
	large, err := contender.Large(t.TempDir(), 300<<10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range contender.All() {
		for _, withTLS := range []bool{false, true} {
			t.Run(c.Name+map[bool]string{true: "/tls", false: "/plain"}[withTLS], func(t *testing.T) {
				fake, target := server(t, withTLS)
				sessions, err := c.Open(target, 2)
				if err != nil {
					t.Fatal(err)
				}
				defer contender.CloseAll(sessions)
				mails := []*contender.Mail{contender.Small(), large}
				for i, m := range mails {
					if err := sessions[i].Send(m); err != nil {
						t.Fatalf("mail %d: %v", i, err)
					}
				}
				if got := fake.Messages(); len(got) != len(mails) {
					t.Fatalf("%d messages arrived, want %d", len(got), len(mails))
				}
				for i, got := range fake.Messages() {
					compare(t, mails[i], got.Data)
				}
				if v := fake.Violations(); len(v) > 0 {
					t.Errorf("violations: %v", v)
				}
			})
		}
	}
}

func TestBuildersBuildTheSame(t *testing.T) {
	full, err := contender.Full(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*contender.Mail{contender.Small(), full} {
		builders, err := contender.Builders(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range builders {
			var out bytes.Buffer
			if err := b.Build(m, &out); err != nil {
				t.Errorf("%s: %v", b.Name, err)
				continue
			}
			compare(t, m, out.Bytes())
		}
	}
}

// compare checks that data is a message of m's subject with m's bodies and files.
func compare(t *testing.T, m *contender.Mail, data []byte) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got := msg.Header.Get("Subject"); got != m.Subject {
		t.Errorf("subject %q, want %q", got, m.Subject)
	}
	var want []string
	for _, body := range []string{m.Text, m.HTML} {
		if body != "" {
			want = append(want, strings.TrimSpace(body))
		}
	}
	for _, path := range []string{m.InlinePath, m.AttachmentPath} {
		if path != "" {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, string(b))
		}
	}
	if got := leaves(t, textproto.MIMEHeader(msg.Header), msg.Body); !slices.Equal(got, want) {
		t.Errorf("%d parts, want %d with the same content", len(got), len(want))
	}
}

// leaves returns what the parts hold, decoded; texts with LF as line end and without the last one.
func leaves(t *testing.T, header textproto.MIMEHeader, body io.Reader) []string {
	t.Helper()
	media, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(media, "multipart/") {
		return []string{decode(t, header, strings.HasPrefix(media, "text/"), body)}
	}
	var all []string
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, leaves(t, p.Header, p)...)
	}
}

func decode(t *testing.T, header textproto.MIMEHeader, text bool, body io.Reader) string {
	t.Helper()
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if text {
		return strings.TrimSpace(strings.ReplaceAll(string(b), "\r\n", "\n"))
	}
	return string(b)
}
