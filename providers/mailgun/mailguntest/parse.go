package mailguntest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// maxDepth bounds how deep parts of a message may be nested.
const maxDepth = 32

// parse reads a message of RFC 5322 and its parts.
func (m *Message) parse(raw []byte) error {
	headers, body, err := splitMessage(raw)
	if err != nil {
		return refuse("unable to parse request: message is not MIME: %v", err)
	}
	m.MIME, m.Headers = raw, headers
	m.MessageID = strings.TrimSpace(firstHeader(headers, "Message-Id"))
	m.Subject = decodeWords(firstHeader(headers, "Subject"))
	m.To, m.Cc = addressHeader(headers, "To"), addressHeader(headers, "Cc")
	from := addressHeader(headers, "From")
	if len(from) == 0 {
		return refuse("from parameter is missing")
	}
	m.From = from[0]
	get := func(name string) string { return firstHeader(headers, name) }
	if err := m.addPart(get, bytes.NewReader(body), maxDepth); err != nil {
		return refuse("unable to parse request: message is not MIME: %v", err)
	}
	return nil
}

// splitMessage parts header and body, and unfolds the header.
func splitMessage(raw []byte) (headers []Header, body []byte, err error) {
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		text := strings.TrimSuffix(string(line), "\r")
		raw = rest
		switch name, value, ok := strings.Cut(text, ":"); {
		case text == "":
			return headers, raw, nil
		case text[0] == ' ' || text[0] == '\t':
			if len(headers) == 0 {
				return nil, nil, errors.New("the header begins with a folded line")
			}
			headers[len(headers)-1].Value += text
		case !ok || !isFieldName(strings.TrimRight(name, " \t")):
			return nil, nil, errors.New("a line of the header has no name")
		default:
			headers = append(headers, Header{strings.TrimRight(name, " \t"), strings.TrimSpace(value)})
		}
	}
	return headers, nil, nil
}

// addressHeader returns the addresses of a field; none when it is missing or not understood.
func addressHeader(headers []Header, name string) []mail.Address {
	list, err := mail.ParseAddressList(firstHeader(headers, name))
	if err != nil {
		return nil
	}
	addresses := make([]mail.Address, len(list))
	for i, a := range list {
		addresses[i] = *a
	}
	return addresses
}

// decodeWords decodes RFC 2047; what it does not understand stays as it is.
func decodeWords(s string) string {
	decoded, err := new(mime.WordDecoder).DecodeHeader(s)
	if err != nil {
		return s
	}
	return decoded
}

// addPart adds a part, or all those of a multipart. get returns a field of its header.
func (m *Message) addPart(get func(string) string, body io.Reader, depth int) error {
	mediaType, params, err := mime.ParseMediaType(get("Content-Type"))
	if err != nil {
		mediaType, params = "text/plain", nil // RFC 2045 section 5.2
	}
	if strings.HasPrefix(mediaType, "multipart/") {
		return m.addParts(params["boundary"], body, depth)
	}
	data, err := io.ReadAll(decoder(get("Content-Transfer-Encoding"), body))
	if err != nil {
		return err
	}
	disposition, dispositionParams, _ := mime.ParseMediaType(get("Content-Disposition"))
	a := Attachment{
		Name: decodeWords(dispositionParams["filename"]), ContentType: get("Content-Type"),
		ContentID: withoutBrackets(strings.TrimSpace(get("Content-Id"))), Data: data,
	}
	if a.Name == "" {
		a.Name = decodeWords(params["name"])
	}
	text := m.body(mediaType)
	switch {
	case text != nil && *text == "" && disposition != "attachment" && a.Name == "":
		*text = strings.ReplaceAll(toUTF8(data, params["charset"]), "\r\n", "\n")
	case a.ContentID != "" && disposition != "attachment":
		m.Inlines = append(m.Inlines, a)
	default:
		m.Attachments = append(m.Attachments, a)
	}
	return nil
}

func (m *Message) addParts(boundary string, body io.Reader, depth int) error {
	if boundary == "" || depth == 0 {
		return errors.New("a multipart has no boundary, or is nested too deep")
	}
	r := multipart.NewReader(bufio.NewReader(body), boundary)
	for {
		part, err := r.NextRawPart()
		if err == io.EOF { //nolint:errorlint // an EOF that is wrapped means that the closing boundary is missing
			return nil
		}
		if err == nil {
			err = m.addPart(part.Header.Get, part, depth-1)
		}
		if err != nil {
			return err
		}
	}
}

// body returns where the text of that type goes, or nil.
func (m *Message) body(mediaType string) *string {
	switch mediaType {
	case "text/plain":
		return &m.Text
	case "text/html":
		return &m.HTML
	case "text/x-amp-html":
		return &m.AMPHTML
	}
	return nil
}

func decoder(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	}
	return r
}

// toUTF8 knows the charsets of which the standard library has the tables: UTF-8 and ISO-8859-1.
func toUTF8(data []byte, charset string) string {
	if !strings.EqualFold(charset, "iso-8859-1") {
		return string(data)
	}
	runes := make([]rune, len(data))
	for i, b := range data {
		runes[i] = rune(b)
	}
	return string(runes)
}
