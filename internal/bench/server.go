package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/internal/bench/sink"
	"github.com/mailkeel/mailkeel/internal/testcert"
)

// delay is what the long way adds to each direction.
const delay = 10 * time.Millisecond

// ports is what the server's process tells the one that started it.
type ports struct {
	Plain, TLS, Distant int
	RootsPEM            []byte
}

// serve is the server's process. It ends when its input does.
func serve(in io.Reader, out io.Writer) error {
	certs, err := testcert.New()
	if err != nil {
		return err
	}
	plain, err := sink.Listen(nil)
	if err != nil {
		return err
	}
	defer plain.Close()
	encrypted, err := sink.Listen(testcert.Server(certs.Valid))
	if err != nil {
		return err
	}
	defer encrypted.Close()
	distant, err := sink.ListenDelayed(plain.Port(), delay)
	if err != nil {
		return err
	}
	defer distant.Close()
	told := ports{plain.Port(), encrypted.Port(), distant.Port(), certs.RootsPEM}
	if err := json.NewEncoder(out).Encode(told); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// A server is the process as its starter sees it.
type server struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ports
}

func startServer() (*server, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{cmd: exec.Command(path, asServer)}
	s.cmd.Stderr = os.Stderr
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := json.NewDecoder(stdout).Decode(&s.ports); err != nil {
		s.stop()
		return nil, errors.Join(errors.New("the server did not start"), err)
	}
	return s, nil
}

func (s *server) stop() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
}

// A way leads to the server.
type way string

const (
	plain     way = "plaintext"
	encrypted way = "TLS + AUTH"
	distant   way = "20 ms round trip"
)

func (p ports) target(w way) (contender.Target, error) {
	t := contender.Target{Host: "127.0.0.1", Port: p.Plain}
	switch w {
	case distant:
		t.Port = p.Distant
	case encrypted:
		t.Port, t.Username, t.Password = p.TLS, "user", "secret"
		t.Roots = x509.NewCertPool()
		if !t.Roots.AppendCertsFromPEM(p.RootsPEM) {
			return t, errors.New("the server's certificate is not readable")
		}
	}
	return t, nil
}
