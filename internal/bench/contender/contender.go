// Package contender sends mail by the ways that are compared: Mailkeel, the Go libraries people use
// today, each by its own best settings, and hand-made clients that show what is possible.
package contender

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
)

// A Target is the server to send to.
type Target struct {
	Host string
	Port int
	// Roots is what the server's certificate is checked against; nil means plaintext.
	Roots *x509.CertPool
	// Username and Password are for AUTH PLAIN; empty means no AUTH.
	Username, Password string
}

func (t Target) address() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

func (t Target) tlsConfig() *tls.Config {
	return &tls.Config{RootCAs: t.Roots, ServerName: t.Host, MinVersion: tls.VersionTLS13}
}

// dial connects, with TLS where the target has it.
func (t Target) dial() (net.Conn, error) {
	if t.Roots == nil {
		return net.Dial("tcp", t.address())
	}
	return tls.Dial("tcp", t.address(), t.tlsConfig())
}

// A Kind tells whose figures a contender's are.
type Kind int

const (
	// Ours is Mailkeel, in its variants.
	Ours Kind = iota
	// Peer is another library.
	Peer
	// Limit is a hand-made bound.
	Limit
)

// Sizes are kinds of messages.
type Sizes int

const (
	// AnySize is the rule.
	AnySize Sizes = iota
	// SmallOnly is for what does the same with large messages as another contender, or cannot send them.
	SmallOnly
	// LargeOnly is for what does the same with small messages as another contender.
	LargeOnly
)

// A Session sends messages, one at a time.
type Session interface {
	Send(m *Mail) error
	Close() error
}

// A Contender is one way to send mail.
type Contender struct {
	Name string
	Kind Kind
	// Raw means that small messages are sent as ready bytes, without building MIME.
	Raw bool
	// Sizes are the messages that it is measured with.
	Sizes Sizes
	// Open returns a session for each of several concurrent callers, connected where
	// the library lets one connect beforehand.
	Open func(t Target, callers int) ([]Session, error)
}

// The names that goals refer to.
const (
	Mailkeel          = "Mailkeel"
	MailkeelData      = "Mailkeel, DATA"
	MailkeelOneFlight = "Mailkeel, one flight"
	MailkeelDefault   = "Mailkeel, 100 messages a connection"
	GoMail            = "go-mail"
	RawPipelined      = "limit: raw pipelined"
	RawOneFlight      = "limit: raw BDAT, one flight"
)

// All returns every contender that speaks SMTP, Mailkeel first, limits last.
func All() []Contender {
	return slices.Concat(mailkeels(), []Contender{
		{Name: GoMail, Kind: Peer, Open: each(openGoMail(false))},
		{Name: "go-mail, tuned", Kind: Peer, Open: each(openGoMail(true))},
		{Name: "gomail.v2", Kind: Peer, Open: each(openGomail)},
		{Name: "emersion/go-smtp", Kind: Peer, Raw: true, Open: each(openEmersion)},
		{Name: "net/smtp", Kind: Peer, Raw: true, Open: each(openNetSMTP)},
		{Name: RawPipelined, Kind: Limit, Raw: true, Open: each(openRaw(rawData))},
		{Name: RawOneFlight, Kind: Limit, Raw: true, Open: each(openRaw(rawChunk))},
	})
}

// Named returns the contender of that name, over SMTP or a provider's API.
func Named(name string) (Contender, bool) {
	all := All()
	for _, s := range Services() {
		all = append(all, s.Contenders...)
	}
	i := slices.IndexFunc(all, func(c Contender) bool { return c.Name == name })
	if i < 0 {
		return Contender{}, false
	}
	return all[i], true
}

// each opens a connection for every caller, all at the same time.
func each(open func(Target) (Session, error)) func(Target, int) ([]Session, error) {
	return func(t Target, callers int) ([]Session, error) {
		sessions, errs := make([]Session, callers), make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() { sessions[i], errs[i] = open(t) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			CloseAll(slices.DeleteFunc(sessions, func(s Session) bool { return s == nil }))
			return nil, err
		}
		return sessions, nil
	}
}

// CloseAll closes the sessions. How that goes is not part of any comparison.
func CloseAll(sessions []Session) {
	for _, s := range sessions {
		_ = s.Close()
	}
}

// A Builder writes a message as MIME, from its fields to the last byte.
type Builder struct {
	Name  string
	Kind  Kind
	Build func(m *Mail, w io.Writer) error
}

// The names of builders that goals refer to.
const (
	BuildMailkeel = "Mailkeel: prepare, render, write"
	BuildPrepared = "Mailkeel: render, write (prepared before)"
)
