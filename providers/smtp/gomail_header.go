package smtp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/mailkeel/mailkeel/mailer"
)

// defaultAgent is what go-mail calls itself where the message does not.
const defaultAgent = "go-mail v" + mail.VERSION + " // https://github.com/wneessen/go-mail"

func withoutDefaultAgent(h mailer.Header) mailer.Header {
	return slices.DeleteFunc(h, func(f mailer.HeaderField) bool {
		return f.Value == defaultAgent && (f.Name == mail.HeaderUserAgent.String() || f.Name == mail.HeaderXMailer.String())
	})
}

// trailing are the fields that go-mail writes last, after everything that it does not sanitise.
var trailing = []string{
	"From", "To", "Cc", "Reply-To", "Content-Type", "Content-Transfer-Encoding",
	"Content-Disposition", "Content-Id", "Content-Description",
}

// checkFields refuses a header with fields that msg was not given. go-mail sanitises neither the names of
// fields nor preformatted values, so that a line end in one makes a field of its own, a Bcc for
// example, or ends the header. It cannot be asked for preformatted fields: of these only the ones
// that SetListUnsubscribe and its like write are known.
func checkFields(msg *mail.Msg, rendered []byte) error {
	seen := make(map[string]bool)
	end := 0
	for line := range bytes.Lines(rendered) {
		end += len(line)
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, value, _ := strings.Cut(string(line), ":")
		if name == "Content-Type" && isSealed(value) {
			return unsupported("it is signed or encrypted, which is void when the message is written anew")
		}
		lower := strings.ToLower(name)
		if seen[lower] {
			return invalid("a header field stands there twice")
		}
		seen[lower] = true
		if err := checkOrigin(msg, name, seen["from"]); err != nil {
			return err
		}
	}
	// From comes after all that is not sanitised, and after the header nothing looks like it: bodies and
	// files are in base64.
	complete := seen["date"] && seen["message-id"] && seen["mime-version"] && seen["from"]
	if !complete || bytes.Contains(rendered[max(end-1, 0):], []byte("\nFrom: ")) {
		return invalid("the header ends within a field")
	}
	return nil
}

// isSealed reports the types of PGP and S/MIME. go-mail leaves the end of the former to the caller, so that they
// cannot be parsed.
func isSealed(contentType string) bool {
	return strings.HasPrefix(contentType, " multipart/signed") || strings.HasPrefix(contentType, " multipart/encrypted")
}

// checkOrigin refuses a field that neither msg was given by this name nor go-mail writes at this place.
func checkOrigin(msg *mail.Msg, name string, inTrail bool) error {
	given := msg.GetGenHeader(mail.Header(name)) != nil
	switch {
	case given && slices.ContainsFunc(trailing, func(t string) bool { return strings.EqualFold(t, name) }):
		return unsupported("a header field is one that go-mail itself writes")
	case inTrail && slices.Contains(trailing, name):
	case given && !inTrail:
	case !inTrail && (name == mail.HeaderListUnsubscribe.String() || name == mail.HeaderListUnsubscribePost.String()):
	case strings.EqualFold(name, "DKIM-Signature"):
		return unsupported("a DKIM signature is void when the message is written anew")
	default:
		return unsupported(fmt.Sprintf("the header field %.76q was not set with SetGenHeader or SetListUnsubscribe", name))
	}
	return nil
}

func sameLists(a, b []mailer.Address) bool { return slices.EqualFunc(a, b, sameAddresses) }

func sameAddresses(a, b mailer.Address) bool { return a.Address == b.Address }

// hasControl reports characters that could end a line of a header.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}
