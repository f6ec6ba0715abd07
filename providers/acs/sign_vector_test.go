package acs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

const (
	vectorKey  = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" // 0123456789abcdef twice
	vectorDate = "Mon, 02 Jan 2006 15:04:05 GMT"
	vectorHost = "contoso.communication.azure.com"
	vectorID   = "8540c0de-899f-5cce-acb5-3ec493af3800"
)

// vectors were computed apart from this package, by the tutorial "Sign an HTTP request".
var vectors = []struct{ method, target, body, hash, signature string }{
	{
		"POST", "/emails:send?api-version=2023-03-31", `{"senderAddress":"a@example.com"}`,
		"uUmz12CzJx6dziw6FsQG23ovEHS2hdaCJ9TitqE6GlI=", "dL3xlNpi78/NJDZwRUbYV3uQ0WSSPEh6LorSTLJDlAw=",
	},
	{
		"GET", "/emails/operations/" + vectorID + "?api-version=2023-03-31", "",
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "oxy7jhEJgFp/b0i/pu6YWslHbiOkJvo5U3K7BaPX4Ew=",
	},
}

const scheme = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="

func request(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	u, err := url.Parse("https://" + vectorHost + target)
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{Method: method, URL: u, Host: u.Host, Header: make(http.Header)}
	if body != "" {
		r.Body = io.NopCloser(strings.NewReader(body))
	}
	return r
}

// TestSignature: the parts of the scheme, by themselves.
func TestSignature(t *testing.T) {
	key, err := newAccessKey(mailer.NewSecret(vectorKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		sum, err := contentHash(t.Context(), strings.NewReader(v.body), int64(len(v.body)))
		if err != nil || sum != v.hash {
			t.Errorf("%s: content hash %s, %v; want %s", v.method, sum, err, v.hash)
		}
		for range 2 { // with memory that was used before too
			if got := key.authorization(request(t, v.method, v.target, ""), vectorDate, v.hash); got != scheme+v.signature {
				t.Errorf("%s: got  %s\nwant %s%s", v.method, got, scheme, v.signature)
			}
		}
	}
	if sum, err := contentHash(t.Context(), nil, 0); err != nil || sum != vectors[1].hash {
		t.Errorf("no body: content hash %s, %v", sum, err)
	}
}

// TestSignatureTarget: what is signed is what goes on the wire, to the octet: two slashes, which the
// service's own Operation-Location has, a colon, escapes and a port.
func TestSignatureTarget(t *testing.T) {
	key, err := newAccessKey(mailer.NewSecret(vectorKey))
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte("0123456789abcdef0123456789abcdef")
	for _, target := range []string{
		"//emails/operations/" + vectorID + "?api-version=2023-03-31", "/emails:send?api-version=2025-09-01",
		"/emails%3Asend", "/a%20b?c=%2F&d=e+f", "/?x=//",
	} {
		r := request(t, "GET", target, "")
		r.URL.Host += ":8443"
		mac := hmac.New(sha256.New, secret)
		_, _ = io.WriteString(mac, "GET\n"+target+"\n"+vectorDate+";"+vectorHost+":8443;"+emptyHash)
		want := scheme + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if got := key.authorization(r, vectorDate, emptyHash); got != want {
			t.Errorf("%s: got  %s\nwant %s", target, got, want)
		}
	}
}

// TestDoubleSlash: the service takes a signature with two slashes where the path has them, and they are sent.
func TestDoubleSlash(t *testing.T) {
	server := acstest.Start(t, acstest.Config{})
	c, err := New(Config{Endpoint: server.Endpoint(), AllowPlaintext: true, Key: mailer.NewSecret(server.Key())})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	const path = "/" + operationPath + vectorID
	_, err = c.get(t.Context(), c.question(), "", path, 0, &replies{})
	if all := server.Requests(); len(all) != 1 || all[0].Path != path || mailer.AsSendError(err).Code != http.StatusNotFound || len(server.Denials()) > 0 {
		t.Errorf("%v, denied %q, asked for %+v", err, server.Denials(), all)
	}
}

// wire is a transport that keeps what it is given.
type wire struct {
	*http.Request
	body string
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	w.Request, w.body = r, ""
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		w.body = string(text)
	}
	return &http.Response{StatusCode: http.StatusAccepted, Body: http.NoBody, Header: make(http.Header), Request: r}, nil
}

// TestSigner: the vectors as requests leave the pipeline, at that date.
func TestSigner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at, err := http.ParseTime(vectorDate)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(at))
		out := new(wire)
		pipeline := runtime.NewPipeline("test", "v1.0.0",
			runtime.PipelineOptions{PerRetry: []policy.Policy{newSigner(mailer.NewSecret(vectorKey))}},
			&policy.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}, Transport: out})
		for _, v := range vectors {
			raw := request(t, v.method, v.target, "")
			if v.body != "" {
				raw.Body = seekable{strings.NewReader(v.body)}
			}
			req, err := runtime.NewRequestFromRequest(raw.WithContext(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			res, err := pipeline.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			for name, want := range map[string]string{"X-Ms-Date": vectorDate, "X-Ms-Content-Sha256": v.hash, "Authorization": scheme + v.signature} {
				if got := out.Header[name]; len(got) != 1 || got[0] != want {
					t.Errorf("%s: %s is %q, want %q", v.method, name, got, want)
				}
			}
			if out.body != v.body || out.URL.RequestURI() != v.target || out.Host != vectorHost {
				t.Errorf("%s: sent %q to %s%s", v.method, out.body, out.Host, out.URL.RequestURI())
			}
		}
	})
}

type seekable struct{ *strings.Reader }

func (seekable) Close() error { return nil }
