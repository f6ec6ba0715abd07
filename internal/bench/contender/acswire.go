package contender

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"time"
)

// What is said to ACS.
const (
	acsKey           = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	acsPath          = "/emails:send?api-version=2025-09-01"
	acsAuthorization = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
)

var acsWire = wire{
	path: acsPath, contentType: "application/json", newSigner: newACSSigner,
	status: 202, encoding: inBase64, head: acsHead, tail: sendGridTail,
}

// newACSSigner returns what signs one caller's requests. The hash covers the body, so that
// it is read twice.
func newACSSigner() (signer, error) {
	key, err := base64.StdEncoding.DecodeString(acsKey)
	if err != nil {
		return nil, err
	}
	hash, mac, block := sha256.New(), hmac.New(sha256.New, key), make([]byte, 32<<10)
	var digest [sha256.Size]byte
	var text []byte
	return func(h http.Header, u *url.URL, body io.Reader) error {
		hash.Reset()
		if _, err := io.CopyBuffer(hash, onlyReader{body}, block); err != nil {
			return err
		}
		sum, date := base64.StdEncoding.EncodeToString(hash.Sum(digest[:0])), time.Now().UTC().Format(http.TimeFormat)
		text = append(append(append(text[:0], "POST\n"...), u.RequestURI()...), '\n')
		text = append(append(append(append(append(text, date...), ';'), u.Host...), ';'), sum...)
		mac.Reset()
		_, _ = mac.Write(text)
		h["X-Ms-Date"], h["X-Ms-Content-Sha256"] = []string{date}, []string{sum}
		h["Authorization"] = []string{acsAuthorization + base64.StdEncoding.EncodeToString(mac.Sum(digest[:0]))}
		return nil
	}, nil
}

// An onlyReader hides a WriteTo that would make a buffer of its own.
type onlyReader struct{ io.Reader }

func acsHead(b []byte, m *Mail) []byte {
	b = appendJSON(append(b, `{"senderAddress":`...), m.From)
	b = appendJSON(append(b, `,"content":{"subject":`...), m.Subject)
	b = appendJSON(append(b, `,"plainText":`...), m.Text)
	b = appendJSON(append(b, `},"recipients":{"to":[{"address":`...), m.To)
	b = append(b, `}]}`...)
	if m.Attachment == nil {
		return b
	}
	b = appendJSON(append(b, `,"attachments":[{"contentType":"application/zip","name":`...), filepath.Base(m.AttachmentPath))
	return append(b, `,"contentInBase64":"`...)
}
