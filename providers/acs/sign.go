package acs

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// A signer signs requests with the access key ("HMAC authentication", and the tutorial "Sign an HTTP
// request", of Azure Communication Services). It reads the body once for that, and the
// transport once more.
type signer struct {
	source mailer.SecretSource
	key    atomic.Pointer[accessKey] // the latest
}

func newSigner(source mailer.SecretSource) *signer { return &signer{source: source} }

// Do implements [policy.Policy]. A refusal is answered once with a fresh signature, for the service is known
// to refuse a good one now and then, over the time it has. If its clock and ours are far apart,
// the second one has its time.
func (s *signer) Do(req *policy.Request) (*http.Response, error) {
	res, err := s.send(req, time.Now())
	if !isRefused(req, res, err) {
		return res, err
	}
	if source, ok := s.source.(mailer.Refresher); ok {
		source.Refresh()
	}
	_ = res.Body.Close()
	if err := req.RewindBody(); err != nil {
		return nil, err
	}
	return s.send(req, theirTime(res.Header, time.Now()))
}

// maxSkew is how far apart clocks may be. UNVERIFIED: the service is taken to allow 5 minutes.
const maxSkew = 2 * time.Minute

// theirTime is the service's, where ours is far off.
func theirTime(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil && date.Sub(now).Abs() > maxSkew {
		return date
	}
	return now
}

func (s *signer) send(req *policy.Request, now time.Time) (*http.Response, error) {
	if err := s.sign(req, now); err != nil {
		return nil, err
	}
	return req.Next()
}

func (s *signer) sign(req *policy.Request, now time.Time) error {
	raw := req.Raw()
	key, err := s.fetch(raw.Context())
	if err != nil {
		return err
	}
	sum, err := contentHash(raw.Context(), req.Body(), raw.ContentLength)
	if err != nil {
		return err
	}
	date := now.UTC().Format(http.TimeFormat)
	raw.Header["X-Ms-Date"] = []string{date}
	raw.Header["X-Ms-Content-Sha256"] = []string{sum}
	raw.Header["Authorization"] = []string{key.authorization(raw, date, sum)}
	return req.RewindBody()
}

// fetch asks the key's source, for which there is not more time than for connecting.
func (s *signer) fetch(ctx context.Context) (*accessKey, error) {
	if _, fixed := s.source.(mailer.Secret); fixed {
		return s.current(ctx) // which waits for nobody
	}
	limited, cancel := httpapi.Preparing(ctx)
	defer cancel()
	key, err := s.current(limited)
	if err != nil {
		return nil, httpapi.Unprepared(limited, err)
	}
	return key, nil
}

// current returns the key as it is now, decoded.
func (s *signer) current(ctx context.Context) (*accessKey, error) {
	text, err := s.source.Secret(ctx)
	if err != nil {
		return nil, err
	}
	if known := s.key.Load(); known != nil && known.text.Equal(text) {
		return known, nil
	}
	key, err := newAccessKey(text)
	if err == nil {
		s.key.Store(key)
	}
	return key, err
}

// An accessKey is one of the two keys of a resource.
type accessKey struct {
	text mailer.Secret
	macs sync.Pool // of *macRun
}

// A macRun is the memory of one signature.
type macRun struct {
	mac  hash.Hash
	text []byte
	sum  [sha256.Size]byte
}

func newAccessKey(text mailer.Secret) (*accessKey, error) {
	key, err := decodeKey(text.Reveal())
	if err != nil {
		return nil, err
	}
	k := &accessKey{text: text}
	k.macs.New = func() any { return &macRun{mac: hmac.New(sha256.New, key)} }
	return k, nil
}

// authorization returns the header field's value for a request with that date and content hash.
func (k *accessKey) authorization(r *http.Request, date, sum string) string {
	m, _ := k.macs.Get().(*macRun)
	defer k.macs.Put(m)
	m.text = append(append(m.text[:0], r.Method...), '\n')
	m.text = append(append(m.text, r.URL.RequestURI()...), '\n')
	m.text = append(append(append(append(append(m.text, date...), ';'), r.URL.Host...), ';'), sum...)
	m.mac.Reset()
	_, _ = m.mac.Write(m.text)
	m.text = append(m.text[:0], "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="...)
	m.text = base64.StdEncoding.AppendEncode(m.text, m.mac.Sum(m.sum[:0]))
	return string(m.text)
}

// emptyHash is the hash of no content.
const emptyHash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// blockBytes is how much of a body is hashed at once.
const blockBytes = 32 << 10

// A hasher is the memory of one content hash.
type hasher struct {
	hash.Hash
	block [blockBytes]byte
	sum   [sha256.Size]byte
}

var hashers = sync.Pool{New: func() any { return &hasher{Hash: sha256.New()} }}

// contentHash reads a body of size bytes to its end.
func contentHash(ctx context.Context, body io.Reader, size int64) (string, error) {
	if body == nil {
		return emptyHash, nil
	}
	if size > blockBytes { // else nothing is worth the limits
		var cancel context.CancelFunc
		ctx, cancel = httpapi.Reading(ctx)
		defer cancel()
	}
	h, _ := hashers.Get().(*hasher)
	defer hashers.Put(h)
	h.Reset()
	for {
		n, err := body.Read(h.block[:])
		_, _ = h.Write(h.block[:n])
		switch {
		case err == io.EOF:
			var text [44]byte // of 32 octets
			return string(base64.StdEncoding.AppendEncode(text[:0], h.Sum(h.sum[:0]))), nil
		case err != nil:
			return "", err
		case ctx.Err() != nil:
			return "", httpapi.Unread(ctx, ctx.Err())
		}
	}
}
