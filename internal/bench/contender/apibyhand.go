package contender

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// A byHandSession is the least that can be done with net/http: a request that is put together field by
// field, a body that is written by hand and in which the attachment is streamed.
type byHandSession struct {
	wire      wire
	transport *http.Transport
	url       *url.URL
	header    http.Header
	sign      signer // nil where the header is always the same
	buf       []byte
	start     int // of what comes behind the attachment, in buf
}

func openByHand(w wire) func(Target, int) ([]Session, error) {
	return func(t Target, callers int) ([]Session, error) {
		u, err := url.Parse(t.baseURL() + w.path)
		if err != nil {
			return nil, err
		}
		transport := &http.Transport{
			TLSClientConfig: t.clientTLS(), MaxIdleConnsPerHost: callers, DisableCompression: true, WriteBufferSize: 32 << 10,
		}
		sessions := make([]Session, callers)
		for i := range sessions {
			s := &byHandSession{wire: w, transport: transport, url: u, header: http.Header{
				"Authorization": {w.authorization}, "Content-Type": {w.contentType}, "User-Agent": {"limit"},
			}}
			if w.newSigner != nil {
				if s.sign, err = w.newSigner(); err != nil {
					return nil, err
				}
			}
			sessions[i] = s
		}
		return sessions, nil
	}
}

func (s *byHandSession) Send(m *Mail) error {
	s.write(m)
	body, size := s.body(m)
	if s.sign != nil {
		if err := s.sign(s.header, s.url, body); err != nil {
			return err
		}
		body, _ = s.body(m)
	}
	resp, err := s.transport.RoundTrip(&http.Request{
		Method: http.MethodPost, URL: s.url, Header: s.header, Body: io.NopCloser(body), ContentLength: size,
	})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != s.wire.status {
		return fmt.Errorf("by hand: status %d", resp.StatusCode)
	}
	return nil
}

// write writes a request's body, but for the attachment.
func (s *byHandSession) write(m *Mail) {
	s.buf = s.wire.head(s.buf[:0], m)
	s.start = len(s.buf)
	s.buf = s.wire.tail(s.buf, m)
}

// body returns what was written, with the attachment, and its size. It is valid until the next write.
func (s *byHandSession) body(m *Mail) (io.Reader, int64) {
	if m.Attachment == nil {
		return bytes.NewReader(s.buf), int64(len(s.buf))
	}
	content, size := s.wire.encoding.reader(m.Attachment)
	return io.MultiReader(bytes.NewReader(s.buf[:s.start]), content, bytes.NewReader(s.buf[s.start:])), int64(len(s.buf)) + size
}

func (s *byHandSession) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}
