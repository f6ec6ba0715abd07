package dsn_test

import (
	"context"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// FuzzOpen: whatever surrounds a secret before the @ that ends the user information,
// nothing panics, neither error nor redacted form shows it, and both are one line.
func FuzzOpen(f *testing.F) {
	for _, seed := range [][3]string{
		{"u:", "", "h:25?timeout=5s"},
		{"u:a@b?", "=c&from=", "h"},
		{"u:p@", "/w#", "[::1]?token=x"},
		{"u:", "%zz", "h?from=a@example.com"},
		{"u:x?", "=", "h"},
		{"", "", "default?strict=true"},
		{"u:a@b?", "=${", "h?x=}"},
		{"u:x${", "}", "${HOST}:${PORT}"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	mux := testMux(nil)
	f.Fuzz(func(t *testing.T, before, after, rest string) {
		if s := before + after + rest; strings.Contains(s, "file") || strings.Contains(s, canary) {
			t.Skip() // what is read is not the fuzzer's to choose
		}
		checkShown(t, mux, "smtp://"+before+canary+after+"@"+rest)
	})
}

// FuzzComposite is FuzzOpen inside composites, for whatever around the secret does not
// look like another member.
func FuzzComposite(f *testing.F) {
	for _, seed := range [][3]string{
		{"u:", "", "h:25?timeout=5s"},
		{"u:a@b?", "=c&from=", "h"},
		{"u:pa ", " ss", "h"},
		{"u:p@", ")?x=(", "h"},
		{"u:p@h?", ")", "?name=x smtp://h"},
		{"u:p@", " failover(x)", "h"},
		{"u:p(", ")", "h?tags=a"},
		{"u:p@", " 3*x", "h)?delivery=at-least-once"},
		{"u:x?", "=", "h) (smtp://h"},
		{"u:x\t", "\n", "h"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	mux := testMux(nil)
	f.Fuzz(func(t *testing.T, before, after, rest string) {
		if s := before + after + rest; strings.Contains(s, "file") || strings.Contains(s, canary) {
			t.Skip() // what is read is not the fuzzer's to choose
		}
		secret := before + canary + after
		if strings.Contains(secret, "://") || strings.Contains(secret, "${") || strings.Contains(secret, "[redacted]") {
			t.Skip()
		}
		member := "smtp://" + secret + "@" + rest
		for _, s := range []string{
			"failover(" + member + ")",
			"weighted(3*smtp://u:p@h " + member + " 2*key://k@h)?delivery=at-least-once",
			"roundrobin(failover(" + member + ")?name=x smtp://h)?name=y",
		} {
			checkShown(t, mux, s)
		}
	})
}

const canary = "qzxjk" // could be part of a scheme or a parameter's name

func checkShown(t *testing.T, mux dsn.Mux, s string) {
	t.Helper()
	shown := dsn.Redact(s)
	if again := dsn.Redact(shown); again != shown {
		t.Errorf("Redact gives %q, and of that %q", shown, again)
	}
	_, err := mux.Open(t.Context(), s)
	if err != nil && !strings.Contains(err.Error(), "environment variable") { // whose name is repeated
		shown += err.Error()
	}
	if strings.Contains(shown, canary) || strings.ContainsFunc(shown, unicode.IsControl) {
		t.Errorf("%q: shown as %q", s, shown)
	}
}

// FuzzRoundTrip: values written with Escape come back as they were.
func FuzzRoundTrip(f *testing.F) {
	f.Add("user", "p@ss/w#?:", "a&b=c")
	f.Add("${USER}", "${file:x}", "%41 ()+|")
	f.Add("é", "\x00\xff\n", "x")
	f.Fuzz(func(t *testing.T, user, password, param string) {
		if user == "" || password == "" || param == "" || !isText(user) || !isText(param) {
			t.Skip()
		}
		var u *dsn.URL
		mux := adapter(func(got *dsn.URL) (mailer.Sender, error) {
			u = got
			return &recorder{}, nil
		})
		s := "x://" + dsn.Escape(user) + ":" + dsn.Escape(password) + "@h:25?p=" + dsn.Escape(param) + "&strict=true"
		if _, err := mux.Open(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		secret, err := u.Password().Secret(context.Background())
		if err != nil || u.User() != user || secret.Reveal() != password || u.Params().String("p", "") != param {
			t.Errorf("%s: got %q, %q, %q, %v", s, u.User(), secret.Reveal(), u.Params().String("p", ""), err)
		}
		if u.Host() != "h" || u.Port() != 25 || !u.Common().Strict {
			t.Errorf("%s: got %q %d %v", s, u.Host(), u.Port(), u.Common().Strict)
		}
	})
}

func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
