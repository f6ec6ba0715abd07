package acstest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/mailkeel/mailkeel/internal/apifake"
)

// The machinery of the fake, by names that programs outside of this module can use.
type (
	// A Fault is what one request or connection meets: what goes wrong (Kind), after how
	// many bytes (After, of the body for CutInBody and EarlyReply, of the reply for CutReply), what is answered
	// instead (Answer, or for Raw the bytes of RawReply), whether the message is accepted all the same
	// (Accept), whether the connection ends with a reset (Reset), the time between two bytes of
	// Drip (Every), what to wait for before the reply (Hold, a channel that is
	// closed), and 1xx replies before it (Interim).
	Fault = apifake.Fault
	// A Kind is what goes wrong.
	Kind = apifake.Kind
	// An Answer is a reply: Status, Header and Body. Commit is for the server itself.
	Answer = apifake.Answer
	// A Request is a request that arrived whole: Method, Path, Query, Header, Body, and
	// the numbers of its connection (Conn) and of itself (Number), from zero.
	Request = apifake.Request
	// Stats count connections (Conns), requests whose head arrived (Requests) and requests
	// that arrived whole (Whole), since the start.
	Stats = apifake.Stats
	// TB is the part of testing.TB that [Start] needs.
	TB = apifake.TB
)

// The kinds of faults. Connections meet the two on accept, requests all others. A message is accepted
// as the service decides with None, NoiseAfter and Drip, never with CutInBody and
// EarlyReply, and with the others only if Accept says so too.
const (
	None           = apifake.None           // the request is answered
	CloseOnAccept  = apifake.CloseOnAccept  // the connection ends before anything is read or said
	SilentOnAccept = apifake.SilentOnAccept // nothing is read or said, not even for TLS
	CutInBody      = apifake.CutInBody      // the connection ends when After bytes of the body were read
	EarlyReply     = apifake.EarlyReply     // Answer comes then, and no more is read
	Replace        = apifake.Replace        // Answer comes in place of the reply
	Withhold       = apifake.Withhold       // the connection ends without a reply
	Silence        = apifake.Silence        // no reply comes until EndSilences, which ends the connection
	CutReply       = apifake.CutReply       // the first After bytes of the reply, or of Answer, come
	NoiseAfter     = apifake.NoiseAfter     // the reply, nonsense, and a reset
	Drip           = apifake.Drip           // the reply comes a byte at a time
	Raw            = apifake.Raw            // RawReply comes in place of a reply
)

// A Server is a fake of the service. Its methods may be called concurrently. Close ends it.
type Server struct {
	cfg        Config
	api        *apifake.Server
	credential *Credential

	mu         sync.Mutex
	keys       [2]accessKey
	forbidden  bool
	held       []Message
	operations map[string]*operation // by their id in lower case
	messageIDs map[string]bool
	lives      []Life // of NextLife
	repeats    int
	sends      meter
	reads      meter
	denials    []string
	violations []string
}

// Start returns a server that is closed at the end of the test.
func Start(tb TB, cfg Config) *Server {
	tb.Helper()
	s, err := New(cfg)
	if err != nil {
		tb.Fatalf("%v", err)
		return nil
	}
	tb.Cleanup(s.Close)
	return s
}

// New returns a server that listens on a free port of 127.0.0.1. Cfg and what it refers
// to must not be changed afterwards. It fails for a key that is not base64.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, operations: make(map[string]*operation), messageIDs: make(map[string]bool),
		sends: meter{quota: cfg.SendQuota}, reads: meter{quota: cfg.StatusQuota},
		credential: newCredential(cfg.Now, cfg.TokenLifetime),
	}
	for i, text := range cfg.Keys {
		key, err := parseKey(text)
		if err != nil {
			return nil, fmt.Errorf("acstest: Config.Keys[%d]: %w", i, err)
		}
		s.keys[i] = key
	}
	api, err := apifake.New(apifake.Config{
		Handler: s.handle, TLS: cfg.TLS, Wrap: cfg.Wrap,
		MaxBodyBytes: cfg.MaxRequestBytes + 1, TooLarge: TooLarge(),
	})
	if err != nil {
		return nil, err
	}
	s.api = api
	return s, nil
}

// URL returns the base URL, without a path, of Addr.
func (s *Server) URL() string { return s.api.URL() }

// Endpoint returns the base URL, without a path, by which clients must know the server:
// that of [Config].Host, or URL.
func (s *Server) Endpoint() string {
	if s.cfg.TLS != nil {
		return "https://" + s.host()
	}
	return "http://" + s.host()
}

// ConnectionString returns the endpoint and the primary key as the portal shows them. Without [Config].TLS the
// endpoint begins with http://, which package acs takes in no such string: it opens
// "acs://"+s.Addr()+"?insecure=true&key="+s.Key().
func (s *Server) ConnectionString() string {
	return "endpoint=" + s.Endpoint() + "/;accesskey=" + s.Key()
}

// Addr returns host:port.
func (s *Server) Addr() string { return s.api.Addr() }

func (s *Server) host() string {
	if s.cfg.Host != "" {
		return s.cfg.Host
	}
	return s.Addr()
}

// Messages returns the accepted messages in the order of acceptance. They must not be changed.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.held)
}

// Repeats returns how many requests to send came with an Operation-Id that was known, and
// queued nothing.
func (s *Server) Repeats() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repeats
}

// Requests returns the requests that arrived whole, in the order of their arrival.
func (s *Server) Requests() []Request { return s.api.Requests() }

// Next makes f what the next connection or request meets that has no fault yet. The channel is
// closed once the fault has happened, or cannot happen any more.
func (s *Server) Next(f Fault) <-chan struct{} { return s.api.Next(f) }

// EndSilences ends every silence and every Hold that has begun.
func (s *Server) EndSilences() { s.api.EndSilences() }

// WaitIdle waits until nothing that was sent to the server is on its way or worked on,
// and returns nil, or the error of ctx.
func (s *Server) WaitIdle(ctx context.Context) error { return s.api.WaitIdle(ctx) }

// CloseIdle ends the connections that lie idle between requests.
func (s *Server) CloseIdle() { s.api.CloseIdle() }

// Stats returns the counters.
func (s *Server) Stats() Stats { return s.api.Stats() }

// Violations returns what clients did against HTTP, and requests of which the server could
// not make sense because they came at the same time.
func (s *Server) Violations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(s.api.Violations(), s.violations...)
}

// Close closes all connections and waits until everything has ended.
func (s *Server) Close() { s.api.Close() }
