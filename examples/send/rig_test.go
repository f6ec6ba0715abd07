package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

const (
	user = "app"
	// password is looked for in everything that is printed.
	password = "canary-5kPq9"
)

// binary is the program as its users run it; caFile and certs are its servers'. largeFile is
// an attachment of 10 MB, and largePDF one with which a request is just under 10 MB.
var (
	binary    string
	caFile    string
	largeFile string
	largePDF  string
	certs     *testcert.Set
)

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "send")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = prepare(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func prepare(dir string) (err error) {
	if certs, err = testcert.New(); err != nil {
		return err
	}
	caFile = filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(caFile, certs.RootsPEM, 0o600); err != nil {
		return err
	}
	largeFile = filepath.Join(dir, "large.bin")
	if err := os.WriteFile(largeFile, bytes.Repeat([]byte("0123456789abcdef"), 10<<20/16), 0o600); err != nil {
		return err
	}
	largePDF = filepath.Join(dir, "large.pdf")
	if err := os.WriteFile(largePDF, bytes.Repeat([]byte("0123456789"), 749_950), 0o600); err != nil {
		return err
	}
	binary = filepath.Join(dir, "send.exe") // the name suits every system
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// secure completes cfg with STARTTLS and a login, both required.
func secure(cfg smtpfake.Config) smtpfake.Config {
	cfg.TLS, cfg.RequireTLS = testcert.Server(certs.Valid), true
	cfg.Users, cfg.RequireAuth = map[string]string{user: password}, true
	cfg.Extensions = smtpfake.AllExtensions()
	return cfg
}

// urlOf returns the connection string of a server that listens on addr.
func urlOf(scheme, addr string) string {
	return scheme + "://" + user + ":" + password + "@" + addr + "?timeout=2s&ca_file=" + dsn.Escape(caFile)
}

// a result is how the program ended and what it printed.
type result struct {
	code           int
	stdout, stderr string
}

// account decodes the one object that -json prints.
func (r result) account(t *testing.T) account {
	t.Helper()
	var a account
	dec := json.NewDecoder(strings.NewReader(r.stdout))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		t.Fatalf("standard output is not one object: %v\n%s", err, r.stdout)
	}
	if dec.More() {
		t.Errorf("more than one object on standard output: %s", r.stdout)
	}
	return a
}

func (r result) checkSecrets(t *testing.T) {
	t.Helper()
	if strings.Contains(r.stdout+r.stderr, password) {
		t.Errorf("the password shows\nstdout: %s\nstderr: %s", r.stdout, r.stderr)
	}
}

// start runs the program; wait ends it.
func start(t *testing.T, url, text string, args ...string) (cmd *exec.Cmd, wait func() result) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd = exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "MAILER_URL="+url)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, func() result {
		t.Helper()
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		r := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
		r.checkSecrets(t)
		return r
	}
}

// call runs the program in this process.
func call(t *testing.T, url, text string, args ...string) result {
	t.Helper()
	return callWith(t.Context(), t, url, text, args...)
}

func callWith(ctx context.Context, t *testing.T, url, text string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	getenv := func(name string) string { return map[string]string{"MAILER_URL": url}[name] }
	code := run(ctx, args, strings.NewReader(text), &stdout, &stderr, getenv)
	r := result{code, stdout.String(), stderr.String()}
	r.checkSecrets(t)
	return r
}

// envelope are the flags that every message needs.
func envelope(to ...string) []string { return envelopeFrom("Ann <ann@example.com>", to) }

// bare is the envelope that every provider takes as it is: ACS has no place for the name of an author.
func bare(to ...string) []string { return envelopeFrom("ann@example.com", to) }

func envelopeFrom(author string, to []string) []string {
	args := []string{"-from", author, "-subject", "Test"}
	for _, address := range to {
		args = append(args, "-to", address)
	}
	return args
}

// onlyMessage returns the one message that the server accepted from a client that kept to the protocol.
func onlyMessage(t *testing.T, server *smtpfake.Server) smtpfake.Message {
	t.Helper()
	messages := server.Messages()
	if len(messages) != 1 {
		t.Fatalf("the server took %d copies, want 1", len(messages))
	}
	checkViolations(t, server)
	return messages[0]
}

func checkViolations(t *testing.T, server *smtpfake.Server) {
	t.Helper()
	for _, v := range server.Violations() {
		t.Errorf("violation: %v", v)
	}
}

func sameStrings(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
