package realmail

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"os/exec"
	"testing"
)

//go:embed parser
var parserScripts embed.FS

// Parsed is what a parser sees in a message.
type Parsed struct {
	Subject      string
	From, To, Cc []mail.Address
	// Parts are the parts that have content, in their order, at whatever depth.
	Parts []Part
}

// A Part is a leaf of a message's tree.
type Part struct {
	// ContentType is the media type in lower case without parameters.
	ContentType string
	// Disposition is "inline", "attachment" or empty.
	Disposition string
	// Filename is decoded; ContentID is without angle brackets.
	Filename, ContentID string
	// SHA256 is of the decoded content, in hexadecimal. In a text, lines end in LF for this purpose.
	SHA256 string
	// Text is the content of a text in UTF-8; empty in other parts.
	Text string
}

// A Parser reads messages with code that shares nothing with this module.
type Parser struct {
	Name  string
	parse func(message []byte) (Parsed, error)
}

// Parse returns what p sees in message. It fails the test if p cannot read it. Parts
// of type message/rfc822 are outside of what the parsers agree on.
func (p Parser) Parse(tb testing.TB, message []byte) Parsed {
	tb.Helper()
	parsed, err := p.parse(message)
	if err != nil {
		tb.Fatalf("realmail: %s: %v", p.Name, err)
	}
	return parsed
}

// ExternalParsers returns Python's email package, Perl's MIME::Tools, and the standard
// library of Go. It skips the test when one is not installed, as [Start] does.
func ExternalParsers(tb testing.TB) []Parser {
	tb.Helper()
	parsers := []Parser{{"net/mail", parseGo}}
	for _, s := range []struct {
		name, file, interpreter, debianPackage string
		probe                                  []string
	}{
		{"python3 email", "email.py", "python3", "python3", []string{"-c", "import email.policy"}},
		{"perl MIME::Tools", "mimetools.pl", "perl", "libmime-tools-perl", []string{"-MMIME::Parser", "-MJSON::PP", "-e", "1"}},
	} {
		if exec.Command(s.interpreter, s.probe...).Run() != nil {
			unavailable(tb, fmt.Errorf("%s is not installed (apt-get install %s)", s.name, s.debianPackage))
		}
		script, err := parserScripts.ReadFile("parser/" + s.file)
		if err != nil {
			tb.Fatalf("realmail: %v", err)
		}
		flag := map[string]string{"python3": "-c", "perl": "-e"}[s.interpreter]
		parsers = append(parsers, Parser{s.name, func(message []byte) (Parsed, error) {
			return runParser(exec.Command(s.interpreter, flag, string(script)), message)
		}})
	}
	return parsers
}

func runParser(cmd *exec.Cmd, message []byte) (Parsed, error) {
	var parsed Parsed
	cmd.Stdin = bytes.NewReader(message)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return parsed, err
	}
	err = json.Unmarshal(out, &parsed)
	return parsed, err
}
