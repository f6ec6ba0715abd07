package apifake

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// A Handler is the provider. It is called with every request whose body arrived whole, from
// several goroutines, and answers as the provider would.
type Handler func(*Request) Answer

// A Request is a request that arrived whole.
type Request struct {
	Method string
	// Path is the escaped path, Query what follows the question mark.
	Path, Query string
	Header      http.Header
	Body        []byte
	// Conn is the number of the connection, from zero; Number that of the request, over all connections.
	Conn, Number int
}

// An Answer is what is sent in reply.
type Answer struct {
	// Status is the status code.
	Status int
	// Header is sent as it is; Content-Length and Date are added where it has none.
	Header http.Header
	Body   []byte
	// Commit, when it is not nil, makes the message accepted: it is held for inspection.
	// The server calls it before the answer is sent, at most once; a fault may call it and
	// withhold the answer, or send the answer of a refusal instead and not call it.
	Commit func()
}

// A Kind is what goes wrong.
type Kind int

const (
	// None: the request is answered.
	None Kind = iota
	// CloseOnAccept ends the connection before anything was read or said.
	CloseOnAccept
	// SilentOnAccept reads and says nothing on a new connection, TLS handshake included,
	// until Hold is closed, or the client is gone, or the server ends every silence. With
	// Hold it then goes on as with None; without, it ends the connection.
	SilentOnAccept
	// CutInBody ends the connection when After bytes of the body were read. Reset makes it a reset.
	CutInBody
	// EarlyReply sends Answer when After bytes of the body were read, reads no more, and
	// ends the connection once the client has.
	EarlyReply
	// Replace sends Answer in place of the handler's. Accept says whether the message is
	// accepted all the same.
	Replace
	// Withhold sends nothing in reply and ends the connection; Accept as with Replace.
	Withhold
	// Silence sends nothing in reply until the server ends every silence, then ends the
	// connection; Accept as with Replace.
	Silence
	// CutReply sends the first After bytes of the reply (of Answer where that has a Status,
	// else of the handler's), status line included, and ends the connection; Accept as with Replace.
	CutReply
	// NoiseAfter sends the handler's reply and then nonsense, and resets the connection.
	NoiseAfter
	// Drip sends the handler's reply a byte at a time, Every apart.
	Drip
	// Raw sends the bytes of RawReply in place of a reply and ends the connection; Accept as with Replace.
	Raw
)

// A Fault is what one request meets. The faults on accept are met by the next new
// connection; all others by the next request that has none yet.
type Fault struct {
	Kind Kind
	// After is a number of bytes; see Kind.
	After int64
	// Answer replaces or precedes the handler's.
	Answer Answer
	// Accept makes the message accepted although the answer does not say so.
	Accept bool
	// Reset ends the connection with a reset in place of an orderly end.
	Reset bool
	// Every is the time between two bytes of Drip.
	Every time.Duration
	// RawReply is what Raw sends.
	RawReply []byte
	// Hold delays the reply (with None, Replace, NoiseAfter) or the silence (with SilentOnAccept)
	// until it is closed, or the client is gone, or the server ends every silence.
	Hold <-chan struct{}
	// Interim are whole 1xx replies sent before the final one.
	Interim []string
}

// Config configures a [Server].
type Config struct {
	Handler Handler
	// TLS makes the server speak TLS; nil means plain HTTP.
	TLS *tls.Config
	// MaxBodyBytes is the size from which a body is refused with TooLarge, without being
	// read; zero means 64 MiB.
	MaxBodyBytes int64
	// TooLarge is that answer.
	TooLarge Answer
	// Forget keeps no requests for [Server.Requests].
	Forget bool
	// Wrap, when it is not nil, may replace the server's end of connection number n, under
	// TLS. What it reads ahead of the server is hidden from WaitIdle.
	Wrap func(n int, conn net.Conn) net.Conn
}
