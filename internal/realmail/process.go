package realmail

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	startLimit = 30 * time.Second
	pollEvery  = 10 * time.Millisecond
)

// run starts the servers, returns when both answer, and stops them when the test ends.
func (s *Servers) run(tb testing.TB, p programs) error {
	tb.Helper()
	script, err := conf.ReadFile("conf/supervise.sh")
	if err != nil {
		return err
	}
	output, err := os.Create(filepath.Join(s.dir, "log", "output"))
	if err != nil {
		return err
	}
	cmd := exec.Command("sh", "-c", string(script), "supervise.sh", p.master, p.dovecot, s.dir)
	cmd.Stdout, cmd.Stderr = output, output
	lifeline, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("realmail: logs of the servers:\n%s", s.logs())
		}
		_ = lifeline.Close()
		if err := cmd.Wait(); err != nil {
			tb.Errorf("realmail: stopping the servers: %v", err)
		}
		_ = output.Close()
	})
	return s.awaitReady()
}

// awaitReady asks Dovecot first: a Postfix that does not reach it gives up for a while.
func (s *Servers) awaitReady() error {
	deadline := time.Now().Add(startLimit)
	if err := awaitGreeting("unix", filepath.Join(s.dir, "auth"), "VERSION\t", deadline); err != nil {
		return err
	}
	return awaitGreeting("tcp", s.STARTTLSAddr, "220 ", deadline)
}

func awaitGreeting(network, address, want string, deadline time.Time) error {
	for {
		got, err := greeting(network, address, len(want), deadline)
		if err == nil && got == want {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer: %q, %w", address, got, err)
		}
		time.Sleep(pollEvery)
	}
}

func greeting(network, address string, n int, deadline time.Time) (string, error) {
	conn, err := net.DialTimeout(network, address, time.Until(deadline))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(deadline); err != nil {
		return "", err
	}
	b := make([]byte, n)
	n, err = conn.Read(b)
	return string(b[:n]), err
}

// logs returns what the servers wrote.
func (s *Servers) logs() []byte {
	var all bytes.Buffer
	for _, name := range []string{"output", "postfix", "dovecot"} {
		content, err := os.ReadFile(filepath.Join(s.dir, "log", name))
		if err == nil {
			fmt.Fprintf(&all, "--- %s\n%s", name, content)
		}
	}
	return all.Bytes()
}
