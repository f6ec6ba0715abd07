package contender_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/internal/testcert"
)

// arrived is a message as the provider understands it.
type arrived struct {
	From, To, Subject, Text string
	// Filename and Content are the attachment's.
	Filename string
	Content  []byte
	// MIME is the whole message, when it came as one; then all but To is there.
	MIME []byte
}

// A provider is all services in one, over net/http.
type provider struct {
	mu       sync.Mutex
	messages []arrived
	errs     []error
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m, err := understand(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages, p.errs = append(p.messages, m), append(p.errs, err)
	switch {
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case r.URL.Path == "/emails:send":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, `{"id":"5f2b1c8e-94d7-4360-8b6e-%012d","status":"Running"}`, len(p.messages))
	case r.URL.Path == "/v3/mail/send":
		w.Header().Set("X-Message-Id", "filter0001")
		w.WriteHeader(http.StatusAccepted)
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"<%d@mg.example.com>","message":"Queued. Thank you."}`, len(p.messages))
	}
}

// seen returns what has arrived so far, and what was wrong with it.
func (p *provider) seen() ([]arrived, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages), errors.Join(p.errs...)
}

func understand(r *http.Request) (arrived, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return arrived{}, err
	}
	if r.ContentLength != int64(len(body)) {
		return arrived{}, fmt.Errorf("content length %d, %d bytes came", r.ContentLength, len(body))
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	_, password, basic := r.BasicAuth()
	switch {
	case r.Method != http.MethodPost:
		return arrived{}, fmt.Errorf("method %s", r.Method)
	case r.URL.Path == "/v3/mail/send" && strings.HasPrefix(r.Header.Get("Authorization"), "Bearer SG."):
		return sendGridMessage(body)
	case strings.HasPrefix(r.URL.Path, "/v3/mg.example.com/messages") && basic && password != "":
		return mailgunMessage(r)
	case r.URL.Path == "/emails:send" && r.URL.RawQuery == "api-version=2025-09-01" && isSigned(r, body):
		return acsMessage(body)
	default:
		return arrived{}, fmt.Errorf("path %s or its authorization", r.URL.Path)
	}
}

func sendGridMessage(body []byte) (arrived, error) {
	type email struct{ Email string }
	var m struct {
		From             email
		Subject          string
		Personalizations []struct{ To []email }
		Content          []struct{ Type, Value string }
		Attachments      []struct {
			Filename string
			Content  []byte
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return arrived{}, err
	}
	if len(m.Personalizations) != 1 || len(m.Personalizations[0].To) != 1 || len(m.Content) != 1 || len(m.Attachments) > 1 {
		return arrived{}, errors.New("not one of each")
	}
	a := arrived{From: m.From.Email, To: m.Personalizations[0].To[0].Email, Subject: m.Subject, Text: m.Content[0].Value}
	for _, file := range m.Attachments {
		a.Filename, a.Content = file.Filename, file.Content
	}
	return a, nil
}

// isSigned checks the signature as Microsoft's tutorial "Sign an HTTP request" tells how to make it.
func isSigned(r *http.Request, body []byte) bool {
	digest := sha256.Sum256(body)
	sum, date := base64.StdEncoding.EncodeToString(digest[:]), r.Header.Get("X-Ms-Date")
	mac := hmac.New(sha256.New, []byte("0123456789abcdef0123456789abcdef"))
	fmt.Fprintf(mac, "POST\n/emails:send?api-version=2025-09-01\n%s;%s;%s", date, r.Host, sum)
	want := "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	_, err := time.Parse(http.TimeFormat, date)
	return err == nil && r.Header.Get("X-Ms-Content-Sha256") == sum && r.Header.Get("Authorization") == want
}

func acsMessage(body []byte) (arrived, error) {
	var m struct {
		SenderAddress string
		Content       struct{ Subject, PlainText string }
		Recipients    struct{ To []struct{ Address string } }
		Attachments   []struct {
			Name            string
			ContentInBase64 []byte
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return arrived{}, err
	}
	if len(m.Recipients.To) != 1 || len(m.Attachments) > 1 {
		return arrived{}, errors.New("not one of each")
	}
	a := arrived{From: m.SenderAddress, To: m.Recipients.To[0].Address, Subject: m.Content.Subject, Text: m.Content.PlainText}
	for _, file := range m.Attachments {
		a.Filename, a.Content = file.Name, file.ContentInBase64
	}
	return a, nil
}

func mailgunMessage(r *http.Request) (arrived, error) {
	if err := r.ParseMultipartForm(64 << 20); err != nil {
		return arrived{}, err
	}
	a := arrived{
		From: r.FormValue("from"), To: r.FormValue("to"), Subject: r.FormValue("subject"), Text: r.FormValue("text"),
	}
	var err error
	for field, files := range r.MultipartForm.File {
		a.Filename = files[0].Filename
		if a.Content, err = contentOf(files[0]); err != nil {
			return a, err
		}
		if field == "message" {
			a.MIME, a.Content = a.Content, nil
		}
	}
	return a, nil
}

func contentOf(h *multipart.FileHeader) ([]byte, error) {
	f, err := h.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// startProvider starts a provider, with TLS or without.
func startProvider(t *testing.T, withTLS bool) (*provider, contender.Target) {
	t.Helper()
	p := new(provider)
	s := httptest.NewUnstartedServer(p)
	target := contender.Target{Host: "127.0.0.1", Port: s.Listener.Addr().(*net.TCPAddr).Port}
	if withTLS {
		certs := testcert.Must(t)
		s.TLS, target.Roots = testcert.Server(certs.Valid), certs.Roots
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return p, target
}

// TestServicesDeliver holds every contender to sending the same mail. The attachment's sizes leave one, two and no
// bytes over in base64's groups and lines.
func TestServicesDeliver(t *testing.T) {
	mails := []*contender.Mail{contender.Small()}
	for _, size := range []int{1, 2, 3, 57, 300 << 10, 300<<10 + 1, 300<<10 + 2} {
		m, err := contender.Large(t.TempDir(), size)
		if err == nil {
			err = m.Load()
		}
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, m)
	}
	for _, s := range contender.Services() {
		for _, c := range s.Contenders {
			for _, withTLS := range []bool{false, true} {
				t.Run(c.Name+map[bool]string{true: "/tls", false: "/plain"}[withTLS], func(t *testing.T) {
					p, target := startProvider(t, withTLS)
					sessions, err := c.Open(target, 2)
					if err != nil {
						t.Fatal(err)
					}
					defer contender.CloseAll(sessions)
					mails := mails
					if c.Sizes == contender.SmallOnly {
						mails = mails[:1]
					}
					for i, m := range mails {
						if err := sessions[i%2].Send(m); err != nil {
							t.Fatalf("mail %d: %v", i, err)
						}
					}
					all, err := p.seen()
					if err != nil {
						t.Error(err)
					}
					if len(all) != len(mails) {
						t.Fatalf("%d messages arrived, want %d", len(all), len(mails))
					}
					for i, got := range all {
						got.compare(t, mails[i])
					}
				})
			}
		}
	}
}

func (a arrived) compare(t *testing.T, m *contender.Mail) {
	t.Helper()
	if a.To != m.To {
		t.Errorf("to %q, want %q", a.To, m.To)
	}
	if a.MIME != nil {
		compare(t, m, a.MIME)
		return
	}
	text := strings.ReplaceAll(a.Text, "\r\n", "\n")
	if a.From != m.From || a.Subject != m.Subject || strings.TrimSpace(text) != strings.TrimSpace(m.Text) {
		t.Errorf("got from %q, subject %q, %d bytes of text", a.From, a.Subject, len(text))
	}
	if m.AttachmentPath == "" {
		return
	}
	want, err := os.ReadFile(m.AttachmentPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Content, want) || !strings.HasSuffix(m.AttachmentPath, "/"+a.Filename) {
		t.Errorf("got %d bytes of %q, want the %d of %s", len(a.Content), a.Filename, len(want), m.AttachmentPath)
	}
}

// TestServicesNoticeRefusal: those written by hand, too, look at the status.
func TestServicesNoticeRefusal(t *testing.T) {
	for _, s := range contender.Services() {
		for _, c := range s.Contenders {
			refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusBadRequest)
			}))
			target := contender.Target{Host: "127.0.0.1", Port: refusing.Listener.Addr().(*net.TCPAddr).Port}
			sessions, err := c.Open(target, 1)
			if err != nil {
				t.Fatal(err)
			}
			if sessions[0].Send(contender.Small()) == nil {
				t.Errorf("%s takes a refusal for success", c.Name)
			}
			contender.CloseAll(sessions)
			refusing.Close()
		}
	}
}
