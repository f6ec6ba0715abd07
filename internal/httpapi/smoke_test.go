package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"strings"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

type text struct{ n int }

func (b text) Size() int64 { return int64(b.n) }
func (b text) WriteTo(w io.Writer) (int64, error) {
	s := strings.Repeat("x", 10000)
	left := b.n
	for left > 0 {
		k := min(left, len(s))
		if _, err := io.WriteString(w, s[:k]); err != nil { return 0, err }
		left -= k
	}
	return int64(b.n), nil
}

type replies struct{}

func (replies) Accepted(r *httpapi.Reply) (string, bool) { return r.Header.Get("X-Message-Id"), r.Status == 202 }
func (replies) Problem(r *httpapi.Reply) httpapi.Problem { return httpapi.Problem{} }

func TestSmoke(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/early" {
			w.WriteHeader(413)
			return
		}
		b, _ := io.ReadAll(r.Body)
		t.Log(r.Method, r.URL, len(b), r.Header)
		w.Header().Set("X-Message-Id", "abc")
		w.WriteHeader(202)
	}))
	defer srv.Close()
	c, err := httpapi.New(httpapi.Config{BaseURL: srv.URL, AllowPlaintext: true})
	if err != nil { t.Fatal(err) }
	api := &httpapi.API{Client: c, Credential: mailer.NewSecret("k"), Authorization: func(s string) string { return "Bearer " + s }, Replies: replies{}}
	for _, n := range []int{0, 10, 1000, 100000, 10 << 20} {
		for _, p := range []string{"/x", "/early"} {
		r, err := api.Send(context.Background(), &ledger.Attempt{Provider: "p", Route: "r"}, &httpapi.Request{Method: "POST", Path: p, Body: text{n}})
		t.Log(n, p, r != nil, err)
		}
	}
}
