package dsn_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func openURL(t *testing.T, s string) *dsn.URL {
	t.Helper()
	var seen *dsn.URL
	if _, err := testMux(func(u *dsn.URL) { seen = u }).Open(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return seen
}

// A name with delimiters shows that a path is neither split nor decoded.
const awkwardName = "a b@c=d&e#f%41(g)"

func TestFileSecretRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), awkwardName)
	for _, test := range []struct {
		in     string
		source func(*dsn.URL) mailer.SecretSource
	}{
		{"smtp://u:${file:" + path + "}@h:25", (*dsn.URL).Password},
		{"smtp://h?token=${file:" + path + "}&pool=1", func(u *dsn.URL) mailer.SecretSource { return u.Params().Secret("token") }},
		{"key://${file:" + path + "}@default", func(u *dsn.URL) mailer.SecretSource {
			key, err := u.Key()
			if err != nil {
				t.Error(err)
			}
			return key
		}},
	} {
		writeFile(t, path, "first: 100%@\r\n\n")
		source := test.source(openURL(t, test.in))
		if got := reveal(t, source); got != "first: 100%@" {
			t.Errorf("%s: got %q", test.in, got)
		}
		writeFile(t, path, "the second\n")
		if got := reveal(t, source); got != "the second" {
			t.Errorf("%s: got %q after rotation", test.in, got)
		}
		if _, can := source.(mailer.Refresher); !can {
			t.Errorf("%s: the source cannot be refreshed", test.in)
		}
	}
}

func TestFileReadOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host")
	writeFile(t, path, "mail.example.com\n")
	u := openURL(t, "smtp://${file:"+path+"}")
	writeFile(t, path, "other.example.com\n")
	if u.Host() != "mail.example.com" {
		t.Errorf("got %s", u.Host())
	}
}

func TestFileOfWholeString(t *testing.T) {
	dir := t.TempDir()
	url, password := filepath.Join(dir, "url"), filepath.Join(dir, "password")
	writeFile(t, password, "secret\n")
	writeFile(t, url, "smtp://u:${file:"+password+"}@h\n")
	if got, want := fields(t, openURL(t, "${file:"+url+"}")), "smtp user=u pass=secret host=h port=0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFileErrors(t *testing.T) {
	dir := t.TempDir()
	missing, empty := filepath.Join(dir, "miss?ing"), filepath.Join(dir, "empty")
	writeFile(t, empty, "\n")
	for _, test := range []struct{ in, place, path string }{
		{"smtp://u:${file:" + missing + "}@h", "password: ", missing},
		{"smtp://u:${file:" + empty + "}@h", "password: ", empty},
		{"smtp://${file:" + missing + "}", "host: ", missing},
		{"smtp://h?pool=${file:" + missing + "}", `parameter "pool": `, missing},
		{"${file:" + missing + "}", "", missing},
	} {
		_, err := testMux(nil).Open(t.Context(), test.in)
		if err == nil {
			t.Errorf("%s: opened", test.in)
		} else if got := err.Error(); !strings.HasPrefix(got, "connection string: "+test.place+"secret file: ") || !strings.Contains(got, test.path) {
			t.Errorf("%s: got %s", test.in, got)
		}
	}
}
