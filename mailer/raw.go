package mailer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// prepareRaw refuses a raw message beside which other content is given, for one of
// them would be lost.
func prepareRaw(m *Message, _ *prepared) error {
	if m.Raw.IsZero() {
		return nil
	}
	for _, f := range [...]struct {
		name string
		set  bool
	}{
		{"Subject", m.Subject != ""}, {"Text", m.Text != ""}, {"HTML", m.HTML != ""},
		{"Alternatives", len(m.Alternatives) > 0}, {"Attachments", len(m.Attachments) > 0},
		{"Headers", len(m.Headers) > 0}, {"ReplyTo", len(m.ReplyTo) > 0}, {"Sender", m.Sender != (Address{})},
		{"Template", m.Template != nil}, {"Unsubscribe", !m.Unsubscribe.isZero()}, {"Priority", m.Priority != PriorityDefault},
	} {
		if f.set {
			return fieldError(f.name, errors.New("is set beside Raw, which holds the whole content"))
		}
	}
	if err := settle(&m.Raw); err != nil {
		return fieldError("Raw", err)
	}
	return nil
}

// rawMessageID returns the Message-ID in the header of raw, or "" when there is none,
// it is malformed, or reading it would use up the source.
func rawMessageID(raw Content) string {
	if size, err := raw.Size(); err != nil || size < 0 {
		return ""
	}
	r, err := raw.Open()
	if err != nil {
		return ""
	}
	defer func() { _ = r.Close() }()
	lines := bufio.NewScanner(io.LimitReader(r, maxHeaderBytes))
	lines.Buffer(nil, maxHeaderBytes)
	var value []byte
	within := false
	for lines.Scan() {
		line := bytes.TrimSuffix(lines.Bytes(), []byte{'\r'})
		if len(line) == 0 {
			break
		}
		if folded := line[0] == ' ' || line[0] == '\t'; folded {
			if value = bytes.TrimSpace(value); within && len(value) <= maxMessageID {
				value = append(value, line...)
			}
			continue
		}
		if within {
			break
		}
		name, rest, found := bytes.Cut(line, []byte{':'})
		if within = found && bytes.EqualFold(bytes.TrimRight(name, " \t"), []byte("Message-ID")); within {
			value = bytes.Clone(rest)
		}
	}
	id, err := checkMessageID(string(bytes.TrimSpace(value)))
	if err != nil {
		return ""
	}
	return id
}
