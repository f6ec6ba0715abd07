package smtpfake

import "time"

// A Message is one that the server accepted. It must not be changed.
type Message struct {
	// ID is the queue id that the positive reply names.
	ID string
	// Conn is the number of the connection, from 1.
	Conn int
	// Helo is the argument of the last EHLO or HELO.
	Helo string
	// From is the reverse-path without brackets; empty for <>.
	From       string
	Params     Params
	Recipients []Recipient
	// Data is the content without dot-stuffing and terminator, exactly; nil unless the mode is KeepContent.
	Data []byte
	// SizeBytes is its length in every mode, SHA256 its digest in mode DigestContent.
	SizeBytes int64
	SHA256    [32]byte
	// Chunks is the number of BDAT commands; zero means that DATA was used.
	Chunks int
	// TLS is the version in use, such as tls.VersionTLS13; zero without TLS.
	TLS uint16
	// AuthUser and AuthMechanism tell who sent it; empty without AUTH.
	AuthUser, AuthMechanism string
	// AcceptedAt is when the server decided, before it replied.
	AcceptedAt time.Time
}

// A Recipient is an accepted forward-path without brackets, and its parameters.
type Recipient struct {
	Address string
	Params  Params
}

// Addresses returns the addresses of the recipients.
func (m *Message) Addresses() []string {
	addresses := make([]string, len(m.Recipients))
	for i, r := range m.Recipients {
		addresses[i] = r.Address
	}
	return addresses
}

// Params are the ESMTP parameters of MAIL or RCPT by upper-case keyword. A keyword
// without a value has the value "".
type Params map[string]string

// Has reports whether the keyword was given.
func (p Params) Has(keyword string) bool {
	_, ok := p[keyword]
	return ok
}

// A Command is a line that a client sent where the server expects commands and AUTH responses.
type Command struct {
	Conn int
	// Line is the line as it was, decrypted, without its line end.
	Line string
	// TLS reports whether it came encrypted.
	TLS bool
}

// Stats are counters over all connections so far.
type Stats struct {
	// Conns is the number of connections, Handshakes that of completed TLS handshakes,
	// Auths that of successful AUTH exchanges.
	Conns, Handshakes, Auths int64
	// Commands is the number of command lines, Messages that of accepted messages,
	// ContentBytes the sum of their sizes.
	Commands, Messages, ContentBytes int64
	// Flights is the number of times that the server, having sent replies, had to wait for
	// the client's next command, AUTH response or content, and got it: the round trips of the
	// conversation, TLS handshakes not included. A flight of the client's that arrives in
	// pieces, between two commands, can count as two; inside a BDAT chunk it never does.
	Flights int64
}
