package httpapi_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

func TestH2Smoke(t *testing.T) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/early" {
			w.WriteHeader(413)
			return
		}
		b, _ := io.ReadAll(r.Body)
		if r.ProtoMajor != 2 {
			t.Error(r.Proto)
		}
		t.Log(r.Method, r.URL, len(b), r.Proto)
		w.Header().Set("X-Message-Id", "abc")
		w.WriteHeader(202)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	c, err := httpapi.New(httpapi.Config{BaseURL: srv.URL, HTTP2: true, TLSConfig: &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}})
	if err != nil {
		t.Fatal(err)
	}
	api := &httpapi.API{Client: c, Credential: mailer.NewSecret("k"), Authorization: func(s string) string { return "Bearer " + s }, Replies: h2replies{}}
	var wg sync.WaitGroup
	for _, n := range []int{0, 10, 1000, 100000, 10 << 20} {
		for _, p := range []string{"/x?a=b", "/early"} {
			wg.Add(1)
			go func() {
				defer wg.Done()
				r, err := api.Send(context.Background(), &ledger.Attempt{Provider: "p", Route: "r"}, &httpapi.Request{Method: "POST", Path: p, Body: h2text{n}})
				t.Log(n, p, r != nil, err)
			}()
		}
	}
	wg.Wait()
	c.Close(context.Background())
}

type h2text struct{ n int }

func (b h2text) Size() int64 { return int64(b.n) }
func (b h2text) WriteTo(w io.Writer) (int64, error) {
	left := b.n
	s := make([]byte, 10000)
	for left > 0 {
		k := min(left, len(s))
		if _, err := w.Write(s[:k]); err != nil {
			return 0, err
		}
		left -= k
	}
	return int64(b.n), nil
}

type h2replies struct{}

func (h2replies) Accepted(r *httpapi.Reply) (string, bool) {
	return r.Header.Get("X-Message-Id"), r.Status == 202
}
func (h2replies) Problem(r *httpapi.Reply) httpapi.Problem { return httpapi.Problem{} }
