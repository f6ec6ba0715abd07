package sendgridtest

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

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

// A Config describes a [Server]. The zero Config takes mail from every sender.
type Config struct {
	// Key is the API key; empty means a made-up one, which [Server.Key] returns.
	Key string
	// TLS makes the server speak TLS; nil means plain HTTP.
	TLS *tls.Config
	// Scopes are the scopes of the key; nil means all that this server knows.
	Scopes []string
	// VerifiedSenders are the addresses and domains that may stand in From; empty means all.
	VerifiedSenders []string
	// MaxMessageBytes is the size from which a request is refused with 413; zero means 30 MB.
	MaxMessageBytes int64
	// Credits is how many recipients may be mailed before sending is refused with 401 and
	// "Maximum credits exceeded"; zero means no limit.
	Credits int
	// LogsAfter is how long after it was accepted a message appears in the logs.
	LogsAfter time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Wrap, when it is not nil, may replace the server's end of connection number n, from zero.
	Wrap func(n int, conn net.Conn) net.Conn
}

// A Server is a fake of the service. Its methods may be called concurrently. Close ends it.
type Server struct {
	cfg Config
	api *apifake.Server

	mu        sync.Mutex
	held      []Message
	sandboxed []Message
	batches   map[string]bool
	mailed    int // recipients
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
// to must not be changed afterwards.
func New(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg.withDefaults(), batches: make(map[string]bool)}
	api, err := apifake.New(apifake.Config{
		Handler: s.handle, TLS: cfg.TLS, Wrap: cfg.Wrap,
		MaxBodyBytes: s.cfg.MaxMessageBytes, TooLarge: TooLarge(),
	})
	if err != nil {
		return nil, err
	}
	s.api = api
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.Key == "" {
		c.Key = "SG." + strings.Repeat("k", 22) + "." + strings.Repeat("x", 43)
	}
	if c.Scopes == nil {
		c.Scopes = []string{scopeSend, scopeBatchCreate, scopeBatchRead, scopeLogs}
	}
	if c.MaxMessageBytes == 0 {
		c.MaxMessageBytes = 30_000_000
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// URL returns the base URL, without a path.
func (s *Server) URL() string { return s.api.URL() }

// Addr returns host:port.
func (s *Server) Addr() string { return s.api.Addr() }

// Key returns the API key that the server takes.
func (s *Server) Key() string { return s.cfg.Key }

// Messages returns the accepted messages in the order of acceptance, one for each
// personalization. They must not be changed.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.held)
}

// Sandboxed returns the messages that were found valid in sandbox mode, and not accepted.
func (s *Server) Sandboxed() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sandboxed)
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

// Violations returns what clients did against HTTP.
func (s *Server) Violations() []string { return s.api.Violations() }

// Close closes all connections and waits until everything has ended.
func (s *Server) Close() { s.api.Close() }
