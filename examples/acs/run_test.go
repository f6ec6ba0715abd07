package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/providers/acs/acstest"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// A logbook is what the program logs. It says where the program listens.
type logbook struct {
	mu        sync.Mutex
	text      bytes.Buffer
	listening chan string // its base URL
}

var listeningLine = regexp.MustCompile(`msg=listening address=(\S+)`)

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if match := listeningLine.FindSubmatch(p); match != nil {
		l.listening <- "http://" + string(match[1])
	}
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// launch starts the whole program in this process, and ends it with the test.
func launch(t *testing.T, env map[string]string) (base string, logs *logbook) {
	t.Helper()
	env["LISTEN"] = "127.0.0.1:0"
	logs = &logbook{listening: make(chan string, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, environment(env), logs) }()
	select {
	case base = <-logs.listening:
	case err := <-done:
		cancel()
		t.Fatalf("it ended: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("it does not end")
		}
	})
	return base, logs
}

// ask asks for a link, and returns the status and the answer.
func ask(t *testing.T, base, to string) (int, answer) {
	t.Helper()
	resp, err := http.PostForm(base+"/reset", url.Values{"to": {to}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Error(err)
	}
	return resp.StatusCode, a
}

// In Azure: the app's identity gets a token, the service takes it, and the message is there under the name that the
// client is told. The token serves for the next message as well.
func TestManagedIdentity(t *testing.T) {
	azure := acstest.Start(t, acstest.Config{LinkedDomains: []string{"mail.example.com"}, SenderUsers: []string{"donotreply"}})
	platform := startAppService(t, azure)
	clientID := rand.Text() // azidentity keeps tokens by it for as long as the process runs
	base, logs := launch(t, map[string]string{
		"ACS_ENDPOINT": azure.Endpoint() + "/", "AZURE_CLIENT_ID": clientID, "MAILER_FROM": "donotreply@mail.example.com",
	})
	for i := range 2 {
		status, a := ask(t, base, "ann@example.org")
		held := azure.Messages()
		if status != http.StatusAccepted || a.Outcome != "accepted" || a.Route != "acs" || len(held) != i+1 {
			t.Fatalf("got %d, %+v; the service has %d messages\n%s", status, a, len(held), logs)
		}
		if m := held[i]; a.ProviderMessageID != m.OperationID || m.Sender != "donotreply@mail.example.com" ||
			strings.Join(m.Recipients(), " ") != "ann@example.org" || !strings.Contains(m.Text, "https://shop.example.com/reset/") {
			t.Errorf("told %+v, the service has %+v", a, m)
		}
	}
	if n, id := platform.questions(); n != 1 || id != clientID {
		t.Errorf("asked %d times for a token, of %q, want once, of %q", n, id, clientID)
	}
	checkQuiet(t, azure)
}

func checkQuiet(t *testing.T, azure *acstest.Server) {
	t.Helper()
	for _, v := range append(azure.Violations(), azure.Denials()...) {
		t.Error(v)
	}
}

// Where the identity lacks its role, or the domain is not linked, the backup sends, and without one
// the client learns that asking again does not help.
func TestMisconfigured(t *testing.T) {
	for name, cause := range map[string]func(*acstest.Server){
		"no role":         func(s *acstest.Server) { s.Forbid(true) },
		"unlinked domain": func(s *acstest.Server) { s.Next(acstest.Reply(acstest.DomainNotLinked())) },
	} {
		for _, backed := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				azure, backup := acstest.Start(t, acstest.Config{}), sendgridtest.Start(t, sendgridtest.Config{})
				startAppService(t, azure)
				env := map[string]string{
					"ACS_ENDPOINT": azure.Endpoint(), "AZURE_CLIENT_ID": rand.Text(), "MAILER_FROM": "donotreply@mail.example.com",
				}
				status, outcome, copies := http.StatusBadGateway, "not_accepted", 0
				if backed {
					env["BACKUP_URL"] = "sendgrid://" + backup.Key() + "@" + backup.Addr() + "?name=backup&insecure=true"
					status, outcome, copies = http.StatusAccepted, "accepted", 1
				}
				base, logs := launch(t, env)
				cause(azure)
				if got, a := ask(t, base, "ann@example.org"); got != status || a.Outcome != outcome {
					t.Errorf("got %d, %+v\n%s", got, a, logs)
				}
				if n := len(backup.Messages()); n != copies || len(azure.Messages()) != 0 {
					t.Errorf("the backup has %d messages, want %d; Azure has %d", n, copies, len(azure.Messages()))
				}
				if text := logs.String(); strings.Contains(text, "ann@example.org") || strings.Contains(text, backup.Key()) {
					t.Errorf("logged\n%s", text)
				}
			})
		}
	}
}

// With MAILER_URL, and an access key from the portal.
func TestConnectionString(t *testing.T) {
	azure := acstest.Start(t, acstest.Config{})
	base, _ := launch(t, map[string]string{
		"MAILER_URL": "acs://" + azure.Addr() + "?insecure=true&key=" + azure.Key(), "MAILER_FROM": "donotreply@mail.example.com",
	})
	if status, a := ask(t, base, "ann@example.org"); status != http.StatusAccepted || len(azure.Messages()) != 1 {
		t.Errorf("got %d, %+v", status, a)
	}
	checkQuiet(t, azure)
}

// Without any variable, all of it is on this machine.
func TestDemo(t *testing.T) {
	base, logs := launch(t, map[string]string{})
	status, a := ask(t, base, "ann@example.org")
	if status != http.StatusAccepted || a.Outcome != "accepted" || !strings.Contains(logs.String(), "azure=false") {
		t.Fatalf("got %d, %+v\n%s", status, a, logs)
	}
	resp, err := http.Get(base + "/sent")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var sent []struct{ Operation, Subject string }
	if err := json.NewDecoder(resp.Body).Decode(&sent); err != nil || len(sent) != 1 || sent[0].Operation != a.ProviderMessageID {
		t.Errorf("got %+v, %v, want %s", sent, err, a.ProviderMessageID)
	}
}

func TestHealth(t *testing.T) {
	base, _ := launch(t, map[string]string{})
	resp, err := http.Get(base + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("got %d", resp.StatusCode)
	}
}
