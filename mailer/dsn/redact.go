package dsn

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// A placeholder is what fmt, encoders and loggers show of the struct that embeds it.
type placeholder string

// String returns the redacted form.
func (p placeholder) String() string { return string(p) }

// Format writes the redacted form, whatever the verb.
func (p placeholder) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(p)) }

// MarshalText returns the redacted form, to encoding/json as well.
func (p placeholder) MarshalText() ([]byte, error) { return []byte(p), nil }

// LogValue returns the redacted form.
func (p placeholder) LogValue() slog.Value { return slog.StringValue(string(p)) }

// Redact returns what may be logged of a connection string: scheme, host, port and
// the names of parameters, as in "smtp://[redacted]@host:587?timeout". Where no user
// information sets the host off, or an @ among the parameters casts doubt on that, it
// is the scheme alone; where there is none, "[redacted]". A composite shows each of its
// members so, or where it is malformed none.
func Redact(s string) string {
	n, err := Mux(nil).parse(s, 0)
	if err == nil {
		return n.redacted()
	}
	word, _, _ := strings.Cut(strings.TrimLeft(s, whiteSpace), "(")
	if _, known := policyOf(word); !known {
		return redacted
	}
	return word + "(" + redacted + ")"
}

// redactOne is Redact of a provider's own string.
func redactOne(s string) string {
	name, rest := cutScheme(s)
	if name == "" {
		return redacted
	}
	return split(rest).redacted(name)
}

func (p parts) redacted(scheme string) string {
	names, safe := p.shownNames()
	if !safe || !p.certain() || !p.plainAuthority() {
		return scheme + "://" + redacted
	}
	return scheme + "://" + redacted + "@" + p.authority.raw + joinNames(names)
}

func joinNames(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "?" + strings.Join(names, "&")
}

// shownNames reports whether all parameters have names that may be shown.
func (p parts) shownNames() (names []string, safe bool) {
	for _, pair := range p.pairs() {
		name, _, _ := pair.cut("=")
		if !parameterName.MatchString(name.raw) {
			return nil, false
		}
		names = append(names, name.raw)
	}
	return names, true
}

// plainAuthority reports whether host and port are written out and well formed.
func (p parts) plainAuthority() bool {
	host, port, hasPort, err := p.hostPort()
	if err != nil {
		return false
	}
	if hasPort {
		_, err = parsePort(port)
	}
	_, badHost := checkHost(host)
	return err == nil && badHost == nil
}
