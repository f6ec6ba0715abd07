package mailguntest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A refusal is the text of a 400.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// A form is the body of a request to send.
type form struct {
	multipart bool
	fields    []field
	files     []file
	// flaws are what the service takes in silence and a test should not.
	flaws []string
}

// A field is a part without a filename.
type field struct{ name, value string }

// A file is a part with a filename.
type file struct {
	field string
	Attachment
}

func parseForm(header http.Header, body []byte) (*form, error) {
	contentType := header.Get("Content-Type")
	if contentType == "" && len(body) == 0 {
		return &form{}, nil
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return nil, refuse("unable to parse request: %v", err)
	case mediaType == "multipart/form-data":
		return parseMultipart(body, params["boundary"])
	case mediaType == "application/x-www-form-urlencoded":
		return parseURLEncoded(body)
	}
	return nil, refuse("unable to parse request: %s", mediaType)
}

// parseURLEncoded keeps the order, which [url.ParseQuery] does not.
func parseURLEncoded(body []byte) (*form, error) {
	f := &form{}
	for pair := range strings.SplitSeq(string(body), "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if err := errors.Join(errName, errValue); err != nil {
			return nil, refuse("unable to parse request: %v", err)
		}
		f.fields = append(f.fields, field{name, value})
	}
	return f, nil
}

func parseMultipart(body []byte, boundary string) (*form, error) {
	if boundary == "" {
		return nil, refuse("malformed multipart: no boundary")
	}
	f := &form{multipart: true}
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := r.NextRawPart()
		if err == io.EOF { //nolint:errorlint // an EOF that is wrapped means that the closing boundary is missing
			return f, nil
		}
		if err == nil {
			err = f.addPart(part)
		}
		if err != nil {
			return nil, refuse("malformed multipart: %v", err)
		}
	}
}

func (f *form) addPart(part *multipart.Part) error {
	disposition, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return err
	}
	name := params["name"]
	if disposition != "form-data" || name == "" {
		return fmt.Errorf("part with Content-Disposition %.80q", part.Header.Get("Content-Disposition"))
	}
	data, err := io.ReadAll(part)
	if err != nil {
		return err
	}
	switch encoding := strings.ToLower(part.Header.Get("Content-Transfer-Encoding")); encoding {
	case "", "7bit", "8bit", "binary":
	default: // RFC 7578 section 4.7
		f.flaws = append(f.flaws, fmt.Sprintf("part %q is not decoded from %q", name, encoding))
	}
	if strings.Contains(strings.ToLower(part.Header.Get("Content-Disposition")), "filename*") { // RFC 7578 section 4.2
		f.flaws = append(f.flaws, fmt.Sprintf("part %q has filename*, which forms have not", name))
	}
	filename := params["filename"]
	if filename == "" {
		f.fields = append(f.fields, field{name, string(data)})
		return nil
	}
	f.files = append(f.files, file{name, Attachment{Name: filename, ContentType: part.Header.Get("Content-Type"), Data: data}})
	return nil
}

// value returns the first value of the field, or "".
func (f *form) value(name string) string {
	for _, p := range f.fields {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

func (f *form) has(name string) bool {
	return slices.ContainsFunc(f.fields, func(p field) bool { return p.name == name })
}

func (f *form) values(name string) []string {
	var values []string
	for _, p := range f.fields {
		if p.name == name {
			values = append(values, p.value)
		}
	}
	return values
}

// prefixed yields the fields whose name begins with prefix, by the rest of the name.
func (f *form) prefixed(prefix string) []field {
	var fields []field
	for _, p := range f.fields {
		if name, ok := strings.CutPrefix(p.name, prefix); ok {
			fields = append(fields, field{name, p.value})
		}
	}
	return fields
}

// takeFiles returns the files of that field.
func (f *form) takeFiles(name string) []Attachment {
	var files []Attachment
	for _, p := range f.files {
		if p.field == name {
			files = append(files, p.Attachment)
		}
	}
	return files
}
