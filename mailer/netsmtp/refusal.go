package netsmtp

import (
	"fmt"
	"net/textproto"
	"strings"

	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
)

// A refusal is a reply that ended the conversation. errors.As finds the server's own words in it.
type refusal struct {
	stage smtpwire.Stage
	reply smtpwire.Reply
}

// Error returns one line, fit to be shown.
func (r *refusal) Error() string {
	return fmt.Sprintf("%s: %q", r.stage, redact.Text(plainText(r.reply)))
}

// Unwrap returns a [*textproto.Error], as net/smtp does.
func (r *refusal) Unwrap() error { return &textproto.Error{Code: r.reply.Code, Msg: r.reply.Text} }

// plainText is the reply's text without the status code that stands apart from it.
func plainText(r smtpwire.Reply) string {
	return strings.TrimSpace(strings.TrimPrefix(r.Text, r.Enhanced))
}
