package main

import (
	"bufio"
	"crypto/tls"
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
	// API and APITLS are HTTP servers that answer as providers do.
	API, APITLS int
	RootsPEM    []byte
}

// serve is the server's process. It tells its ports, then for each line that comes in what its HTTP
// servers have counted, and ends when its input does.
func serve(in io.Reader, out io.Writer) error {
	certs, err := testcert.New()
	if err != nil {
		return err
	}
	var tally sink.Tally
	p := ports{RootsPEM: certs.RootsPEM}
	listeners, err := p.open(testcert.Server(certs.Valid), &tally)
	defer func() {
		for _, l := range listeners {
			l.Close()
		}
	}()
	if err != nil {
		return err
	}
	told := json.NewEncoder(out)
	err = told.Encode(p)
	for lines := bufio.NewScanner(in); err == nil && lines.Scan(); {
		err = told.Encode(tally.Counts())
	}
	return err
}

// open opens every port. The listeners are to be closed, also when there is an error.
func (p *ports) open(config *tls.Config, tally *sink.Tally) ([]*sink.Listener, error) {
	var listeners []*sink.Listener
	for _, l := range []struct {
		port *int
		open func() (*sink.Listener, error)
	}{
		{&p.Plain, func() (*sink.Listener, error) { return sink.Listen(nil) }},
		{&p.TLS, func() (*sink.Listener, error) { return sink.Listen(config) }},
		{&p.Distant, func() (*sink.Listener, error) { return sink.ListenDelayed(p.Plain, delay) }},
		{&p.API, func() (*sink.Listener, error) { return sink.ListenHTTP(nil, tally) }},
		{&p.APITLS, func() (*sink.Listener, error) { return sink.ListenHTTP(config, tally) }},
	} {
		listener, err := l.open()
		if err != nil {
			return listeners, err
		}
		listeners, *l.port = append(listeners, listener), listener.Port()
	}
	return listeners, nil
}

// A server is the process as its starter sees it.
type server struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	told  *json.Decoder
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
	s.told = json.NewDecoder(stdout)
	if err := s.told.Decode(&s.ports); err != nil {
		s.stop()
		return nil, errors.Join(errors.New("the server did not start"), err)
	}
	return s, nil
}

func (s *server) stop() {
	_ = s.stdin.Close()
	_ = s.cmd.Wait()
}

// counts is what the HTTP servers have counted so far.
func (s *server) counts() (sink.Counts, error) {
	var c sink.Counts
	if _, err := io.WriteString(s.stdin, "\n"); err != nil {
		return c, err
	}
	err := s.told.Decode(&c)
	return c, err
}

// A way leads to the server.
type way string

const (
	plain     way = "plaintext"
	encrypted way = "TLS + AUTH"
	distant   way = "20 ms round trip"

	// To the HTTP servers.
	api          way = "HTTP/1.1"
	encryptedAPI way = "HTTP/1.1 + TLS"
)

func (p ports) target(w way) (contender.Target, error) {
	t := contender.Target{Host: "127.0.0.1", Port: p.Plain}
	switch w {
	case distant:
		t.Port = p.Distant
	case api:
		t.Port = p.API
	case encrypted:
		t.Port, t.Username, t.Password = p.TLS, "user", "secret"
	case encryptedAPI:
		t.Port = p.APITLS
	}
	if w == encrypted || w == encryptedAPI {
		t.Roots = x509.NewCertPool()
		if !t.Roots.AppendCertsFromPEM(p.RootsPEM) {
			return t, errors.New("the server's certificate is not readable")
		}
	}
	return t, nil
}
