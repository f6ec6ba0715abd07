package main

import (
	"bytes"
	"cmp"
	"net/mail"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// complete makes what a program gives to its sendmail a message that can leave this machine: with the fields
// that every message has (RFC 5322 section 3.6) and programs leave to sendmail, and without what only this
// machine understands.
func (o *options) complete(fields []field, text []byte) (*mailer.Message, error) {
	m, err := mailer.Prepare(&o.msg)
	if err != nil {
		return nil, err
	}
	var whole bytes.Buffer
	for _, f := range []field{
		{name: "From", value: (&mail.Address{Name: o.sendmail.name, Address: m.From.Address}).String()},
		{name: "To", value: onlyRecipient(fields, m)},
		{name: "Date", value: m.Date.Format(time.RFC1123Z)},
		{name: "Message-ID", value: m.MessageID},
	} {
		if f.value != "" && !has(fields, f.name) {
			whole.WriteString(f.name + ": " + f.value + "\r\n")
		}
	}
	if len(fields) == 0 && !bytes.HasPrefix(text, []byte("\n")) && !bytes.HasPrefix(text, []byte("\r\n")) {
		whole.WriteString("\r\n") // all of it is the text
	}
	body := bodyStart(fields, text)
	o.writeOutward(&whole, fields, text[:body])
	whole.Write(inLines(text[body:]))
	o.msg.MessageID = m.MessageID
	o.msg.Raw = mailer.Bytes(whole.Bytes())
	return &o.msg, nil
}

// onlyRecipient is who m is for where its header says nothing of it. Several are not shown to each other.
func onlyRecipient(fields []field, m *mailer.Message) string {
	if len(m.To) != 1 || has(fields, "Cc") || has(fields, "Bcc") {
		return ""
	}
	return (&mail.Address{Address: m.To[0].Address}).String()
}

// bodyStart returns where the body begins: behind the empty line, or at once where there is no header.
func bodyStart(fields []field, text []byte) (at int) {
	if len(fields) == 0 {
		return 0
	}
	for line := range bytes.Lines(text) {
		if at += len(line); len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
	}
	return at
}

// inLines makes a line end of a CR that no LF follows, as in the progress that rsync and curl show to a terminal.
// No message may have one (RFC 5322 section 2.3), and what cron mails must not be lost for it.
func inLines(body []byte) []byte {
	if bytes.Count(body, []byte("\r")) == bytes.Count(body, []byte("\r\n")) {
		return body
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
}

// writeOutward writes a header, which has fields, and all that outward does not change as it is.
func (o *options) writeOutward(w *bytes.Buffer, fields []field, header []byte) {
	written := 0
	for i := range fields {
		f := &fields[i]
		value, changed := o.outward(f)
		if !changed {
			continue
		}
		w.Write(header[written:f.start])
		if value != "" {
			w.WriteString(f.name + ": " + value + "\r\n")
		}
		written = f.end
	}
	w.Write(header[written:])
}

// outward returns what takes the place of the value of f; empty: nothing does.
func (o *options) outward(f *field) (value string, changed bool) {
	switch strings.ToLower(f.name) {
	case "from", "sender":
		return withMailbox(f.value, o.msg.From.Address)
	case "to", "cc", "bcc", "reply-to":
		return withMailbox(f.value, o.localTo)
	case "x-cron-env": // each variable that a crontab sets, MAILER_URL and other secrets among them
		return "", true
	}
	return "", false
}

// withMailbox gives the names of this machine's users in list, a value of an address field, the address
// mailbox. A list without such names, or one that cannot be read, is not changed.
func withMailbox(list, mailbox string) (value string, changed bool) {
	addresses, err := mailer.Addresses(mailbox)
	if err != nil || len(addresses) == 0 {
		return "", false
	}
	if _, err := mail.ParseAddressList(list); err == nil {
		return "", false
	}
	inList, err := splitList(list)
	if err != nil {
		return "", false
	}
	var parts []string
	for _, part := range inList {
		a, err := parseOne(part)
		switch {
		case err != nil:
			return "", false
		case !isLocal(a):
			parts = append(parts, strings.Trim(part, " \t"))
			continue
		}
		changed = true
		for _, to := range addresses {
			to.Name = phrase(cmp.Or(a.Name, a.Address))
			parts = append(parts, to.String())
		}
	}
	return strings.Join(parts, ",\r\n "), changed
}

// phrase returns a display name without what net/mail writes and does not read: octets that are no UTF-8, and
// a backslash in an encoded word.
func phrase(name string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(name, `\`, ""), "\uFFFD")
}
