package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// wholeMessage takes a message that is given whole, and its envelope from the flags, or else
// from its header.
func (o *options) wholeMessage(ctx context.Context, stdin io.Reader, out *output) (*mailer.Message, error) {
	var text []byte
	if o.rawFile != "" {
		o.msg.Raw = mailer.File(o.rawFile)
	} else {
		input, err := o.readInput(ctx, stdin, out, "message")
		if err != nil {
			return nil, err
		}
		text = o.sendmail.trim([]byte(input))
		o.msg.Raw = mailer.Bytes(text)
	}
	var fields []field
	if o.needsHeader() {
		var err error
		if fields, err = readFields(o.msg.Raw); err != nil {
			return nil, err
		}
	}
	if err := o.address(fields); err != nil {
		return nil, err
	}
	if o.rawFile == "" {
		return o.complete(fields, text)
	}
	return &o.msg, nil
}

// needsHeader: a file is not opened before it is sent where the flags say it all.
func (o *options) needsHeader() bool {
	return o.sendmail.on || o.msg.From.Address == "" || !o.hasRecipients()
}

// trim ends a message where sendmail does, and takes off the line that mailboxes put before one.
func (s *sendmail) trim(text []byte) []byte {
	if bytes.HasPrefix(text, []byte("From ")) {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	if s.ignoreDots {
		return text
	}
	end := 0
	for line := range bytes.Lines(text) {
		if string(bytes.TrimRight(line, "\r\n")) == "." {
			return text[:end]
		}
		end += len(line)
	}
	return text
}

var (
	errNoSender     = errors.New("there is no sender with a domain: give one by -from, -f, a From field or MAILER_FROM")
	errResentBcc    = errors.New("the header's Resent-Bcc would be shown to everybody: take it out, and name its addresses in an argument")
	errNoRecipient  = errors.New("there is no recipient in the flags, nor in the header")
	errBadRecipient = errors.New("a recipient is not an address, or it is a name without a domain and MAILER_TO does not say whose it is")
)

// address fills in the envelope.
func (o *options) address(fields []field) error {
	s := &o.sendmail
	recipients := s.recipients
	if s.fromHeader || !s.on && !o.hasRecipients() {
		if has(fields, "Resent-Bcc") {
			return errResentBcc
		}
		for _, name := range recipientFields(fields) {
			more, err := addressesIn(fields, name)
			if err != nil {
				return err
			}
			recipients = append(recipients, more...)
		}
	}
	for _, r := range recipients {
		list, err := mailer.Addresses(o.withDomain(r))
		if err != nil || len(list) == 0 {
			return errBadRecipient
		}
		o.msg.To = append(o.msg.To, list...)
	}
	if !o.hasRecipients() {
		return errNoRecipient
	}
	return o.addressSender(fields)
}

// recipientFields: whoever sends a message again writes to others, and leaves those whom it went to
// before where they stand (RFC 5322 section 3.6.6).
func recipientFields(fields []field) []string {
	if has(fields, "Resent-To") || has(fields, "Resent-Cc") {
		return []string{"Resent-To", "Resent-Cc"}
	}
	return []string{"To", "Cc", "Bcc"}
}

// withDomain gives the mail of this machine's users, such as root, to MAILER_TO.
func (o *options) withDomain(recipient string) string {
	if o.sendmail.on && o.localTo != "" && !strings.Contains(recipient, "@") {
		return o.localTo
	}
	return recipient
}

// addressSender takes the first sender that has a domain.
func (o *options) addressSender(fields []field) error {
	switch from := o.sendmail.from; {
	case o.msg.From.Address != "":
		return nil
	case from == "<>":
		o.msg.ReturnPath = "<>"
	case strings.Contains(from, "@"):
		return author(&o.msg.From)(from)
	}
	candidates, err := addressesIn(fields, "From")
	if err != nil {
		return err
	}
	for _, from := range append(candidates, o.localFrom) {
		if strings.Contains(from, "@") {
			return author(&o.msg.From)(from)
		}
	}
	return errNoSender
}

func (o *options) hasRecipients() bool { return len(o.msg.To)+len(o.msg.Cc)+len(o.msg.Bcc) > 0 }
