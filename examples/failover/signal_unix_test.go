//go:build unix

package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
)

// The program as it is run: a signal while a message is under way ends it well, and not before that
// message was answered.
func TestSignal(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "failover")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, sig := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			reached, release := make(chan struct{}), make(chan struct{})
			server := smtpfake.Start(t, smtpfake.Config{Hook: func(e *smtpfake.Event) smtpfake.Action {
				if e.Point != smtpfake.Content {
					return smtpfake.Action{}
				}
				close(reached)
				return smtpfake.Action{Wait: release}
			}})
			p := execute(t, binary, "smtp+plaintext://"+server.Addr())
			answered := make(chan string, 1)
			go func() { answered <- p.order() }()
			<-reached
			if err := p.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			for p.listens() { // until the stop has begun
				continue
			}
			close(release)
			if got := <-answered; !strings.HasPrefix(got, "202") {
				t.Errorf("the client got %s", got)
			}
			if err := p.cmd.Wait(); err != nil || len(server.Messages()) != 1 {
				t.Errorf("%v, %d messages, logged\n%s", err, len(server.Messages()), p.logs)
			}
		})
	}
}

// A process is the program at work.
type process struct {
	cmd  *exec.Cmd
	base string
	logs *logbook
}

func execute(t *testing.T, binary, mailerURL string) process {
	t.Helper()
	p := process{cmd: exec.Command(binary), logs: newLogbook()}
	p.cmd.Env = append(os.Environ(), "MAILER_URL="+mailerURL, "MAILER_FROM=shop@example.com", "LISTEN=127.0.0.1:0")
	p.cmd.Stderr = p.logs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	select {
	case p.base = <-p.logs.listening:
	case <-time.After(20 * time.Second):
		t.Fatalf("it does not listen:\n%s", p.logs)
	}
	return p
}

// order returns the status of the answer.
func (p process) order() string {
	resp, err := http.PostForm(p.base+"/order", url.Values{"to": {"ann@example.org"}, "order": {"1"}})
	if err != nil {
		return err.Error()
	}
	_ = resp.Body.Close()
	return resp.Status
}

func (p process) listens() bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.base, "http://"))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
