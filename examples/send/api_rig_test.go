package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/apifake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

const (
	// apiKey and accessKey, which is one of ACS, are looked for in everything that is printed, and
	// so is the text of the message.
	apiKey    = "SG.canary-8Zt2vWq4.canary-Lm3xR7cN"
	accessKey = "canary+8Zt2vWq4/canary+Lm3xR7cNQ5kPq9Zt2vWq4Lm3xR7cHq7canary+Tb6/yVn0canary+Wd2KpXs4Jg=="
	canary    = "canary-text-Hq7"
)

// An api is a provider's API: how its fake is started, and what a connection string says of it.
type api struct {
	name     string // of the provider and of the scheme
	accepted int    // the status of an acceptance
	start    func(*testing.T, *setting) (fake, func() []delivered)
	key      string // that the fake takes
	wrongKey string // that it does not
	// base is the connection string up to where further parameters follow, which end in &.
	base   func(key, addr string) string
	params func(*setting) string
	// authorization is the value of the header field with that key, or one like it.
	authorization func(key string) string
	// large is an attachment as large as the API takes.
	large *string
	// degrades is what it leaves out of a message with everything, and lacks takes that out.
	degrades []string
	lacks    func(*delivered)
	// remembers: it can be asked what became of a message, and takes one that it knows for a
	// repetition.
	remembers bool
}

var (
	sendgridAPI = &api{
		name: "sendgrid", accepted: 202, start: startSendGrid, key: apiKey, wrongKey: "wrong." + apiKey, large: &largeFile, lacks: nothingOf,
		base:          func(key, addr string) string { return "sendgrid://" + key + "@" + addr + "?" },
		params:        func(*setting) string { return "" },
		authorization: func(key string) string { return "Bearer " + key },
	}
	mailgunAPI = &api{
		name: "mailgun", accepted: 200, start: startMailgun, key: apiKey, wrongKey: "wrong." + apiKey, large: &largeFile, lacks: nothingOf,
		base:          func(key, addr string) string { return "mailgun://" + key + "@" + addr + "?" },
		params:        func(s *setting) string { return "&domain=" + cmp.Or(s.domain, mailguntest.DefaultDomain) },
		authorization: func(key string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte("api:"+key)) },
	}
	apis = []*api{sendgridAPI, mailgunAPI, acsAPI}
)

func nothingOf(*delivered) {}

// A setting is what a fake and a connection string are besides the usual. The zero setting
// is an API that takes the message.
type setting struct {
	sendgrid sendgridtest.Config
	mailgun  mailguntest.Config
	acs      acstest.Config
	tls      *tls.Config // the fake's; nil means plain HTTP

	domain, timeout string // of the connection string; empty: what is right
	wrong           bool   // the key is
	params          string // further ones, each after a &
	addr            string // empty: the fake's
	// denied: the first request is answered with 401. At ACS another follows it.
	denied bool
}

// nobody is where nothing listens. The port of a listener that was closed may get another.
const nobody = "127.0.0.1:1"

// A perAPI is something for each of the APIs.
type perAPI[T any] struct{ sendgrid, mailgun, acs T }

func (p perAPI[T]) at(a *api) T {
	switch a {
	case sendgridAPI:
		return p.sendgrid
	case mailgunAPI:
		return p.mailgun
	}
	return p.acs
}

func same[T any](v T) perAPI[T] { return perAPI[T]{v, v, v} }

// An apiServer is one of the fakes.
type apiServer struct {
	fake
	api      *api
	setting  *setting
	messages func() []delivered
}

// fake is what the fakes have in common.
type fake interface {
	Addr() string
	Next(apifake.Fault) <-chan struct{}
	EndSilences()
	WaitIdle(context.Context) error
	Stats() apifake.Stats
	Requests() []apifake.Request
	Violations() []string
}

func startSendGrid(t *testing.T, s *setting) (fake, func() []delivered) {
	cfg := s.sendgrid
	cfg.Key, cfg.TLS = apiKey, s.tls
	server := sendgridtest.Start(t, cfg)
	return server, func() []delivered { return each(server.Messages(), fromSendGrid) }
}

func startMailgun(t *testing.T, s *setting) (fake, func() []delivered) {
	cfg := s.mailgun
	cfg.Key, cfg.TLS = apiKey, s.tls
	server := mailguntest.Start(t, cfg)
	return server, func() []delivered { return each(server.Messages(), fromMailgun) }
}

// serve starts the fake of a.
func (a *api) serve(t *testing.T, s *setting) *apiServer {
	t.Helper()
	f, messages := a.start(t, s)
	return &apiServer{f, a, s, messages}
}

func each[T any](list []T, convert func(*T) delivered) []delivered {
	all := make([]delivered, len(list))
	for i := range list {
		all[i] = convert(&list[i])
	}
	return all
}

// url returns the connection string of the server.
func (s *apiServer) url() string {
	url := s.api.base(s.key(), cmp.Or(s.setting.addr, s.Addr())) + "timeout=" + cmp.Or(s.setting.timeout, "5s") + s.api.params(s.setting) + s.setting.params
	if s.setting.tls == nil {
		return url + "&insecure=true"
	}
	return url + "&ca_file=" + dsn.Escape(caFile)
}

func (s *apiServer) key() string {
	if s.setting.wrong {
		return s.api.wrongKey
	}
	return s.api.key
}

// settle ends what the program has left, and waits until the truth is known.
func (s *apiServer) settle(t *testing.T) {
	t.Helper()
	s.EndSilences()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Violations() {
		t.Errorf("violation: %v", v)
	}
	s.checkIdentity(t)
}

// checkIdentity: whatever is sent again, is sent under the same name and with the same content.
func (s *apiServer) checkIdentity(t *testing.T) {
	t.Helper()
	var first *apifake.Request
	for _, r := range s.Requests() {
		if r.Method != http.MethodPost {
			continue
		}
		if first == nil {
			first = &r
		}
		if id := r.Header.Get("Operation-Id"); id != first.Header.Get("Operation-Id") || !bytes.Equal(r.Body, first.Body) {
			t.Errorf("request %d is of %q, with %d bytes; request %d was of %q, with %d", r.Number, id, len(r.Body),
				first.Number, first.Header.Get("Operation-Id"), len(first.Body))
		}
	}
}

// sends returns how many requests to send began, without those that a 401 made necessary, and
// questions how many there were of what became of a message.
func (s *apiServer) sends() (sends, questions int) {
	for _, r := range s.Requests() {
		if r.Method == http.MethodGet {
			questions++
		}
	}
	sends = s.Stats().Requests - questions
	if s.setting.denied && s.api == acsAPI {
		sends--
	}
	return sends, questions
}

// only returns the one message that the server took.
func (s *apiServer) only(t *testing.T) delivered {
	t.Helper()
	s.settle(t)
	messages := s.messages()
	if len(messages) != 1 {
		t.Fatalf("the server took %d copies, want 1", len(messages))
	}
	return messages[0]
}

// narrow keeps what the client sends in the client, as far as the network of this machine lets
// it: else the last byte of a large body may have left before anybody reads it.
func (s *setting) narrow() {
	wrap := func(_ int, conn net.Conn) net.Conn {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(32 << 10)
		}
		return conn
	}
	s.sendgrid.Wrap, s.mailgun.Wrap, s.acs.Wrap = wrap, wrap, wrap
}

// transports are the ways to a fake.
func transports() map[string]*tls.Config {
	return map[string]*tls.Config{"http": nil, "https": testcert.Server(certs.Valid)}
}

// checkSilent looks for what nobody may read: the key, in whatever form, the text of the
// message, what a web server made of it, and addresses anywhere but in their places.
func (s *apiServer) checkSilent(t *testing.T, r result, recipients ...string) {
	t.Helper()
	authorization := s.api.authorization(s.key())
	_, credential, _ := strings.Cut(authorization, " ")
	encoded := base64.StdEncoding.EncodeToString([]byte(s.key()))
	secrets := []string{s.key(), authorization, credential, encoded, "anary-", "anary+", canary, "ann@example.com", "<html", "<h1"}
	for _, sent := range s.Requests() {
		given := sent.Header.Get("Authorization")
		_, signature, _ := strings.Cut(given, "Signature=")
		secrets = append(secrets, given, cmp.Or(signature, given))
	}
	for _, secret := range secrets {
		if strings.Contains(r.stdout+r.stderr, secret) {
			t.Errorf("%q shows\nstdout: %s\nstderr: %s", secret, r.stdout, r.stderr)
		}
	}
	for _, address := range recipients {
		if strings.Contains(r.stderr, address) || strings.Count(r.stdout, address) > 1 {
			t.Errorf("%q shows outside of its place\nstdout: %s\nstderr: %s", address, r.stdout, r.stderr)
		}
	}
	if strings.Count(r.stderr, "\n") != strings.Count("\n"+r.stderr, "\nsend: ") {
		t.Errorf("a line of somebody else's on standard error: %q", r.stderr)
	}
}
