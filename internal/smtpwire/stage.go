package smtpwire

import (
	"errors"
	"fmt"
	"net/textproto"

	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/internal/redact"
)

// A Stage is a step of the conversation.
type Stage int

// The stages in their order. StageContent ends when the last byte that the server
// needs is released; StageReply is the wait for the verdict after that.
const (
	StageConnect Stage = iota
	StageTLS
	StageGreeting
	StageHello
	StageStartTLS
	StageAuth
	StageMail
	StageRcpt
	StageData
	StageContent
	StageReply
)

var stageNames = [...]string{
	"connect", "tls handshake", "greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "content", "reply to the content",
}

// String returns the name that error texts use.
func (s Stage) String() string { return stageNames[s] }

// Errors about how the server speaks, or what the connection lacks.
var (
	// ErrReply is a reply that is not of the form of RFC 5321 section 4.2, is too long, or
	// has a code that the command cannot have. After it nothing the server says can be trusted.
	ErrReply = errors.New("reply not understood")
	// ErrInjected means that plain text followed the reply to STARTTLS, which somebody
	// on the way may have put there.
	ErrInjected = errors.New("plain text after the reply to STARTTLS")
	// ErrNoStartTLS means that the server does not offer the required STARTTLS.
	ErrNoStartTLS = errors.New("STARTTLS is not offered")
	// ErrNoAuth means that the server offers none of the wanted mechanisms.
	ErrNoAuth = errors.New("no wanted AUTH mechanism is offered")
	// ErrCancelled means that the gate did not let the message go.
	ErrCancelled = errors.New("cancelled before the message was complete")
	// ErrSource means that the content failed while it was read.
	ErrSource = errors.New("content failed")
	// ErrTimeout means that the time allowed for a step ran out, while ctx had not ended.
	ErrTimeout = netconn.ErrTimeout
)

// An Error says where a conversation ended and why: by a Reply, whose code is then
// not zero, or by Err.
type Error struct {
	Stage Stage
	Reply Reply
	Err   error
}

// Error returns one line. Of the server's text it shows what redact.Text leaves.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s: %q", e.Stage, redact.Text(e.Reply.Text))
	}
	return fmt.Sprintf("%s: %s", e.Stage, e.Err)
}

// Unwrap returns the cause; of a reply, a [*textproto.Error].
func (e *Error) Unwrap() error {
	if e.Err == nil && e.Reply.Code != 0 {
		return &textproto.Error{Code: e.Reply.Code, Msg: redact.Text(e.Reply.Text)}
	}
	return e.Err
}
