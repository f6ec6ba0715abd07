package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// A part is a leaf of a message's tree, decoded.
type part struct {
	mediaType, disposition, name, contentID string
	data                                    []byte
}

// printMessage shows a message as its recipient reads it, with the standard library's
// parsers, and compares the files with those that were sent.
func printMessage(w io.Writer, raw []byte, sent []mailer.Attachment) error {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	for _, name := range []string{"Subject", "From", "To"} {
		value, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get(name))
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(w, "   %-8s %s\n", name+":", value)
	}
	parts, err := readParts(textproto.MIMEHeader(m.Header), m.Body)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := printPart(w, p, sent); err != nil {
			return err
		}
	}
	return nil
}

func printPart(w io.Writer, p part, sent []mailer.Attachment) error {
	if p.name == "" {
		_, _ = fmt.Fprintf(w, "   %s, %d bytes\n", p.mediaType, len(p.data))
		for line := range strings.Lines(string(p.data)) {
			_, _ = fmt.Fprintf(w, "%s\n", strings.TrimRight("      | "+line, "\r\n "))
		}
		return nil
	}
	sum := sha256.Sum256(p.data)
	original, err := digestOf(p.name, sent)
	if err != nil {
		return err
	}
	if sum != original {
		return fmt.Errorf("%s did not arrive as it was sent", p.name)
	}
	if p.contentID != "" {
		p.name += ", cid:" + p.contentID
	}
	_, _ = fmt.Fprintf(w, "   %s, %d bytes, %s %s, sha256 %x..., as it was sent\n", p.mediaType, len(p.data), p.disposition, p.name, sum[:4])
	return nil
}

// digestOf returns the SHA-256 of the attachment called name.
func digestOf(name string, attachments []mailer.Attachment) (sum [sha256.Size]byte, err error) {
	for _, a := range attachments {
		if a.Name != name {
			continue
		}
		r, err := a.Content.Open()
		if err != nil {
			return sum, err
		}
		data, err := io.ReadAll(r)
		_ = r.Close()
		return sha256.Sum256(data), err
	}
	return sum, fmt.Errorf("no attachment %q was sent", name)
}

// readParts returns the leaves of what h describes.
func readParts(h textproto.MIMEHeader, body io.Reader) ([]part, error) {
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(mediaType, "multipart/") {
		p, err := readLeaf(h, mediaType, body)
		return []part{p}, err
	}
	var all []part
	for r := multipart.NewReader(body, params["boundary"]); ; {
		next, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		below, err := readParts(next.Header, next)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
}

func readLeaf(h textproto.MIMEHeader, mediaType string, body io.Reader) (part, error) {
	p := part{mediaType: mediaType, contentID: strings.Trim(h.Get("Content-ID"), "<>")}
	if value := h.Get("Content-Disposition"); value != "" {
		disposition, params, err := mime.ParseMediaType(value)
		if err != nil {
			return p, err
		}
		p.disposition, p.name = disposition, params["filename"]
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	var err error
	p.data, err = io.ReadAll(body)
	return p, err
}
