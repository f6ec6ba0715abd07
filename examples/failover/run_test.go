package main

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A logbook is what a program logs. It says where the program listens.
type logbook struct {
	mu        sync.Mutex
	text      bytes.Buffer
	listening chan string // its base URL
}

func newLogbook() *logbook { return &logbook{listening: make(chan string, 1)} }

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

// launch starts the whole program in this process.
func launch(t *testing.T, env map[string]string) (base string, logs *logbook, stop func() error) {
	t.Helper()
	logs = newLogbook()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, func(name string) string { return env[name] }, logs) }()
	t.Cleanup(cancel)
	select {
	case base = <-logs.listening:
	case err := <-done:
		t.Fatalf("it ended: %v", err)
	}
	return base, logs, func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			t.Fatal("it does not end")
			return nil
		}
	}
}

// request returns status and body of the reply to a form.
func request(t *testing.T, address string, form url.Values) (int, string) {
	t.Helper()
	resp, err := http.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body.String()
}

// The whole program, from its start to its end.
func TestRun(t *testing.T) {
	base, logs, stop := launch(t, map[string]string{"LISTEN": "127.0.0.1:0"})
	for _, c := range []struct {
		path   string
		status int
	}{
		{"/reset", 202}, {"/primary/down", 204}, {"/order", 202},
	} {
		if status, body := request(t, base+c.path, receiptForm); status != c.status {
			t.Errorf("%s: %d, %s", c.path, status, body)
		}
	}
	resp, err := http.Get(base + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("/healthz: %d", resp.StatusCode)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if text := logs.String(); !strings.Contains(text, `msg="mail attempt failed" router=router route=primary`) || strings.Contains(text, "example.org") {
		t.Errorf("logged\n%s", text)
	}
}

func TestSetUpErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"no author", map[string]string{"MAILER_URL": "smtp://h"}, "MAILER_FROM"},
		{"two authors", map[string]string{"MAILER_URL": "smtp://h", "MAILER_FROM": "a@example.com, b@example.com"}, "MAILER_FROM"},
		{"no such scheme", map[string]string{"MAILER_URL": "what://h", "MAILER_FROM": "a@example.com"}, "unknown scheme"},
		{"no such place", map[string]string{"LISTEN": "127.0.0.1:99999"}, "listen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := run(t.Context(), func(name string) string { return c.env[name] }, t.Output())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAuthor(t *testing.T) {
	s := &service{}
	if err := s.setFrom("The Shop <shop@example.com>"); err != nil || s.from != (mailer.Address{Name: "The Shop", Address: "shop@example.com"}) {
		t.Errorf("got %v, %v", s.from, err)
	}
}
