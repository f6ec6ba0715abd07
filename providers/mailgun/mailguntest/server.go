package mailguntest

import (
	"context"
	"slices"

	"github.com/mailkeel/mailkeel/internal/apifake"
)

// The machinery of the fake, by names that programs outside of this module can use.
type (
	// A Fault is what one request or connection meets.
	Fault = apifake.Fault
	// A Kind is what goes wrong.
	Kind = apifake.Kind
	// An Answer is a reply.
	Answer = apifake.Answer
	// A Request is a request that arrived whole.
	Request = apifake.Request
	// Stats are counters since the start.
	Stats = apifake.Stats
	// TB is the part of testing.TB that [Start] needs.
	TB = apifake.TB
)

// The kinds of faults; see [Kind].
const (
	None           = apifake.None           // the request is answered
	CloseOnAccept  = apifake.CloseOnAccept  // the connection ends before anything was read
	SilentOnAccept = apifake.SilentOnAccept // a new connection meets silence
	CutInBody      = apifake.CutInBody      // the connection ends after so many bytes of the body
	EarlyReply     = apifake.EarlyReply     // Answer is sent after so many bytes of the body
	Replace        = apifake.Replace        // Answer is sent in place of the reply
	Withhold       = apifake.Withhold       // the connection ends in place of the reply
	Silence        = apifake.Silence        // nothing is sent in place of the reply
	CutReply       = apifake.CutReply       // the reply ends after so many bytes
	NoiseAfter     = apifake.NoiseAfter     // nonsense follows the reply
	Drip           = apifake.Drip           // the reply comes a byte at a time
	Raw            = apifake.Raw            // bytes are sent in place of the reply
)

// A Server is Mailgun's API on loopback. Its methods may be called concurrently. Close ends it.
type Server struct {
	api     *apifake.Server
	service *service
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

// New returns a server that listens on a free TCP port of 127.0.0.1. What cfg refers to
// must not be changed afterwards.
func New(cfg Config) (*Server, error) {
	s := &Server{service: newService(cfg)}
	api, err := apifake.New(apifake.Config{
		Handler: s.service.handle, TLS: cfg.TLS, Wrap: cfg.Wrap,
		MaxBodyBytes: s.service.cfg.MaxBodyBytes, TooLarge: TooLarge(),
	})
	if err != nil {
		return nil, err
	}
	s.api = api
	s.service.serveAt(api.URL())
	return s, nil
}

// Close ends all connections. What the server holds can still be read. A second Close does nothing.
func (s *Server) Close() { s.api.Close() }

// URL returns the base URL, without a path: it stands for https://api.mailgun.net.
func (s *Server) URL() string { return s.api.URL() }

// Addr returns host:port.
func (s *Server) Addr() string { return s.api.Addr() }

// Key returns the account's key: the password of the user "api".
func (s *Server) Key() string { return s.service.cfg.Key }

// Messages returns the messages that were taken, in that order. What they refer to must not be changed.
func (s *Server) Messages() []Message { return s.service.held() }

// Requests returns the requests that arrived whole, in the order of their arrival.
func (s *Server) Requests() []Request { return s.api.Requests() }

// Next makes f what the next connection or request meets that has no fault yet. The channel is
// closed once the fault has happened, or cannot any more.
func (s *Server) Next(f Fault) <-chan struct{} { return s.api.Next(f) }

// EndSilences ends every silence that has begun.
func (s *Server) EndSilences() { s.api.EndSilences() }

// WaitIdle waits until nothing that was sent to the server is on its way or worked on, and returns nil,
// or the error of ctx. Silences are waited for; connections that lie idle are not.
func (s *Server) WaitIdle(ctx context.Context) error { return s.api.WaitIdle(ctx) }

// CloseIdle ends the connections that lie idle between requests.
func (s *Server) CloseIdle() { s.api.CloseIdle() }

// Stats returns the counters.
func (s *Server) Stats() Stats { return s.api.Stats() }

// Violations returns what clients did against HTTP or the API, one line each, up to a
// thousand of both. A request that the API refuses with a reason is not among them; what it
// drops in silence is. A test of a client ends by asserting that there are none.
func (s *Server) Violations() []string {
	return slices.Concat(s.api.Violations(), s.service.violated())
}

// AddEvent tells what became of a held message. The error says that no such message is held.
func (s *Server) AddEvent(e Event) error { return s.service.addEvent(e) }

// HoldEvents keeps the events that come from now on from being found, until
// [Server.ReleaseEvents]: Mailgun's events can be found some time after the message was taken.
func (s *Server) HoldEvents() { s.service.holdEvents() }

// ReleaseEvents ends HoldEvents.
func (s *Server) ReleaseEvents() { s.service.releaseEvents() }
