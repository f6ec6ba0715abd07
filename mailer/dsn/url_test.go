package dsn_test

import (
	"testing"

	"github.com/mailkeel/mailkeel/mailer/dsn"
)

func TestHTTPBase(t *testing.T) {
	const refused = "the host default takes neither a port nor insecure=true"
	for _, test := range []struct {
		in       string
		insecure bool
		want     string
		err      string
	}{
		{in: "key://k@default"},
		{in: "key://k@default", insecure: true, err: refused},
		{in: "key://k@default:443", err: refused},
		{in: "key://k@default:80", insecure: true, err: refused},
		{in: "key://k@api.example.com", want: "https://api.example.com"},
		{in: "key://k@api.example.com:8443", want: "https://api.example.com:8443"},
		{in: "key://k@default.example.com:1", want: "https://default.example.com:1"},
		{in: "key://k@localhost", insecure: true, want: "http://localhost"},
		{in: "key://k@127.0.0.1:8080", insecure: true, want: "http://127.0.0.1:8080"},
		{in: "key://k@[::1]", want: "https://[::1]"},
		{in: "key://k@[::1]:8080", insecure: true, want: "http://[::1]:8080"},
	} {
		var got string
		var failed error
		if _, err := testMux(func(u *dsn.URL) { got, failed = u.HTTPBase(test.insecure) }).Open(t.Context(), test.in); err != nil {
			t.Fatal(err)
		}
		text := ""
		if failed != nil {
			text = failed.Error()
		}
		if got != test.want || text != test.err {
			t.Errorf("%s, insecure %t: got %q and error %q, want %q and %q", test.in, test.insecure, got, text, test.want, test.err)
		}
	}
}
