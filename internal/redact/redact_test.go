package redact

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	tests := []struct {
		name, in, want string
		secrets        []string
	}{
		{name: "empty"},
		{name: "clean", in: "5.7.1 Relaying denied", want: "5.7.1 Relaying denied"},
		{name: "percent", in: "mailbox 100% full", want: "mailbox 100% full"},
		{name: "other scripts", in: "Postfach läuft über", want: "Postfach läuft über"},
		{name: "line ends", in: "one\r\ntwo\nthree\r\n", want: "one  two three"},
		{name: "tab and unicode space", in: "a\tb\u2028c\u00a0d", want: "a b c d"},
		{name: "controls", in: "a\x00b\x1b[31mc\x7f", want: "a�b�[31mc�"},
		{name: "C1", in: "a\u009bb", want: "a�b"},
		{name: "bidi and zero width", in: "a\u202eb\u200bc\u2066d\ufeffe", want: "a�b�c�d�e"},
		{name: "invalid utf-8", in: "a\xff\xfeb", want: "a��b"},

		{name: "address", in: "550 bob@example.com unknown", want: "550 <address> unknown"},
		{name: "address in brackets", in: "<bob@example.com>: no such user", want: "<address>: no such user"},
		{name: "two addresses", in: "a@b,c@d", want: "<address>,<address>"},
		{name: "double at", in: "a@b@c x", want: "<address> x"},
		{name: "quoted local part", in: `"bob smith"@example.com gone`, want: "<address> gone"},
		{name: "quote never opened", in: `bob smith"@example.com gone`, want: "<address> gone"},
		{name: "apostrophe", in: "o'brien@example.com", want: "<address>"},
		{name: "domain literal", in: "bob@[192.0.2.1] gone", want: "<address> gone"},
		{name: "domain literal never closed", in: "bob@[192.0.2.1 gone", want: "<address>"},
		{name: "percent-encoded", in: "see https://x.example/?u=bob%40example.com now", want: "see https:<address> now"},
		{name: "full-width at", in: "bob＠example.com gone", want: "<address> gone"},
		{name: "address with a control", in: "b\x00ob@example.com", want: "<address>"},
		{name: "bare at", in: "reached @ noon", want: "reached <address> noon"},

		{name: "secret", in: "bad key hunter2!", secrets: []string{"hunter2"}, want: "bad key ***!"},
		{name: "secret twice", in: "hunter2hunter2", secrets: []string{"hunter2"}, want: "******"},
		{name: "two secrets", in: "user alice pass hunter2", secrets: []string{"alice", "hunter2"}, want: "user *** pass ***"},
		{name: "secret with a space", in: "x open sesame y", secrets: []string{"open sesame"}, want: "x *** y"},
		{name: "secret over a line end", in: "x open\nsesame y", secrets: []string{"open sesame"}, want: "***"},
		{name: "secret made of a mask", in: "a@b", secrets: []string{"address"}, want: "***"},
		{name: "empty secret", in: "abc", secrets: []string{""}, want: "abc"},
		{name: "short secret", in: "a cat sat", secrets: []string{"cat"}, want: "a cat sat"},

		{name: "39 hex", in: strings.Repeat("a", 39), want: strings.Repeat("a", 39)},
		{name: "40 hex", in: "k=" + strings.Repeat("a", 40), want: "k=aa…"},
		{name: "base64", in: "token " + strings.Repeat("aB3+/", 10) + "== refused", want: "token aB3+… refused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Text(tt.in, tt.secrets...); got != tt.want {
				t.Errorf("Text(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestTextIsCapped(t *testing.T) {
	tests := []struct{ name, in string }{
		{"ascii", strings.Repeat("word ", 100)},
		{"two bytes a rune", strings.Repeat("äö ", 100)},
		{"four bytes a rune", strings.Repeat("😀 ", 100)},
		{"grows by replacing", strings.Repeat("\xff", MaxBytes)},
		{"grows by masking", strings.Repeat("@ ", MaxBytes)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Text(tt.in)
			if len(got) > MaxBytes || len(got) < MaxBytes-2*utf8.UTFMax {
				t.Errorf("%d bytes, want at most %d and not far less", len(got), MaxBytes)
			}
			if !utf8.ValidString(got) || !strings.HasSuffix(got, ellipsis) {
				t.Errorf("cut inside a rune, or without an ellipsis: %q", got)
			}
		})
	}
	if s := strings.Repeat("word ", 51) + "x"; Text(s) != s {
		t.Errorf("text of exactly %d bytes was changed", MaxBytes)
	}
}

// AUTH PLAIN and the like put a secret at any offset of what is then encoded.
func TestTextFindsEncodedSecrets(t *testing.T) {
	for _, secret := range []string{"tést", "hunter2", "p?ss>w~rd\xff\xfe", strings.Repeat("k3y-", 16)} {
		for before := range 7 {
			for after := range 7 {
				plain := strings.Repeat("\x00", before) + secret + strings.Repeat("z", after)
				for _, e := range []*base64.Encoding{
					base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
				} {
					in := "got " + e.EncodeToString([]byte(plain)) + " end"
					if got := Text(in, secret); got != "got *** end" {
						t.Errorf("%d bytes before, %d after: Text(%q) = %q", before, after, in, got)
					}
				}
			}
		}
	}
}

func TestTextCleanDoesNotAllocate(t *testing.T) {
	secret := "SG.0123456789.abcdefghijklmnop"
	for _, s := range []string{
		"", "5.7.1 Relaying denied", "  trimmed \r\n", "requested action not taken: mailbox unavailable",
	} {
		if n := testing.AllocsPerRun(100, func() { Text(s, secret) }); n != 0 {
			t.Errorf("Text(%q): %v allocations, want 0", s, n)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []struct{ text, secret string }{
		{"550 5.1.1 <bob@example.com>: unknown\r\n", "hunter2"},
		{"\"a b\"@[1.2.3.4] %40 ＠ \u202e\xff", "a b"},
		{strings.Repeat("aB3+", 80), "aB3+aB3+"},
		{"AGFsaWNlAGh1bnRlcjI=", "hunter2"},
		{"****", "****"},
		{"a\nb c d", "a b c"},
		{"@@@@", "<address>"},
	} {
		f.Add(seed.text, seed.secret)
	}
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := Text(text, secret)
		if len(got) > MaxBytes || !utf8.ValidString(got) {
			t.Fatalf("%d bytes, valid %v: %q", len(got), utf8.ValidString(got), got)
		}
		for _, r := range got {
			if r != ' ' && !unicode.IsPrint(r) {
				t.Fatalf("%q is in %q", r, got)
			}
		}
		if strings.ContainsAny(got, "@＠") || strings.Contains(got, "%40") {
			t.Fatalf("an address may be in %q", got)
		}
		if len(secret) >= minSecretBytes && strings.Contains(got, secret) {
			t.Fatalf("the secret %q is in %q", secret, got)
		}
		if again := Text(got, secret); again != got {
			t.Fatalf("not idempotent: %q, then %q", got, again)
		}
	})
}

func BenchmarkText(b *testing.B) {
	for _, bb := range []struct{ name, in string }{
		{"clean", "5.7.1 Relaying denied"},
		{"address", "550 5.1.1 <bob@example.com>: Recipient address rejected: User unknown"},
		{"64KiB", strings.Repeat("bob@example.com \x00", 4096)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Text(bb.in, "SG.0123456789.abcdefghijklmnop")
			}
		})
	}
}
