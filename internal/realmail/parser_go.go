package realmail

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"unicode/utf8"
)

// parseGo reads a message with net/mail and mime/multipart.
func parseGo(message []byte) (Parsed, error) {
	var parsed Parsed
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return parsed, err
	}
	if parsed.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return parsed, err
	}
	for name, list := range map[string]*[]mail.Address{"From": &parsed.From, "To": &parsed.To, "Cc": &parsed.Cc} {
		if *list, err = addressList(m.Header, name); err != nil {
			return parsed, fmt.Errorf("%s: %w", name, err)
		}
	}
	parsed.Parts, err = leaves(textproto.MIMEHeader(m.Header), m.Body)
	return parsed, err
}

func addressList(h mail.Header, name string) ([]mail.Address, error) {
	parsed, err := h.AddressList(name)
	if errors.Is(err, mail.ErrHeaderNotPresent) {
		return []mail.Address{}, nil
	}
	list := make([]mail.Address, 0, len(parsed))
	for _, a := range parsed {
		list = append(list, *a)
	}
	return list, err
}

func leaves(h textproto.MIMEHeader, body io.Reader) ([]Part, error) {
	mediaType, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case h.Get("Content-Type") == "":
		mediaType = "text/plain"
	case err != nil:
		return nil, err
	}
	if !strings.HasPrefix(mediaType, "multipart/") {
		p, err := leaf(h, mediaType, params["charset"], body)
		return []Part{p}, err
	}
	var all []Part
	for r := multipart.NewReader(body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		below, err := leaves(part.Header, part)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
}

func leaf(h textproto.MIMEHeader, mediaType, charset string, body io.Reader) (Part, error) {
	p := Part{ContentType: mediaType, ContentID: strings.Trim(h.Get("Content-ID"), " <>")}
	if value := h.Get("Content-Disposition"); value != "" {
		disposition, params, err := mime.ParseMediaType(value)
		if err != nil {
			return p, err
		}
		p.Disposition = disposition
		if p.Filename, err = new(mime.WordDecoder).DecodeHeader(params["filename"]); err != nil {
			return p, err
		}
	}
	content, err := io.ReadAll(decodeTransfer(h.Get("Content-Transfer-Encoding"), body))
	if err != nil {
		return p, err
	}
	if strings.HasPrefix(mediaType, "text/") {
		content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
		p.Text, err = decodeCharset(charset, content)
	}
	sum := sha256.Sum256(content)
	p.SHA256 = hex.EncodeToString(sum[:])
	return p, err
}

func decodeTransfer(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}

func decodeCharset(charset string, content []byte) (string, error) {
	switch strings.ToLower(charset) {
	case "", "us-ascii", "utf-8":
		if !utf8.Valid(content) {
			return "", errors.New("text is not valid UTF-8")
		}
		return string(content), nil
	}
	return "", fmt.Errorf("charset %s is not one that this parser reads", charset)
}
