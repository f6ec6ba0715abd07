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
	buf       []byte
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
			sessions[i] = &byHandSession{wire: w, transport: transport, url: u, header: http.Header{
				"Authorization": {w.authorization}, "Content-Type": {w.contentType}, "User-Agent": {"limit"},
			}}
		}
		return sessions, nil
	}
}

func (s *byHandSession) Send(m *Mail) error {
	body, size := s.body(m)
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

// body returns a request's body and its size. It is valid until the next.
func (s *byHandSession) body(m *Mail) (io.Reader, int64) {
	s.buf = s.wire.head(s.buf[:0], m)
	n := len(s.buf)
	s.buf = s.wire.tail(s.buf, m)
	if m.Attachment == nil {
		return bytes.NewReader(s.buf), int64(len(s.buf))
	}
	content, size := s.wire.encoding.reader(m.Attachment)
	return io.MultiReader(bytes.NewReader(s.buf[:n]), content, bytes.NewReader(s.buf[n:])), int64(len(s.buf)) + size
}

func (s *byHandSession) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}
