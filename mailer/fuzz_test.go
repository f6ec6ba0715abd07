package mailer

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxFuzzTime is far above what linear work on a few KiB takes on a slow machine.
const maxFuzzTime = 5 * time.Second

var addressSeeds = []string{
	"bob@example.org", "Bob <bob@example.org>, carl@bücher.example", `"b@x> ORCPT=rfc822;y"@example.org`, "bob@[192.0.2.1]",
	"=?utf-8?q?a=0D=0Ab?= <bob@example.org>", "Team: a@example.org;", "<@a,@b:c@d.org>", "a@b\xffb.org", "a@xn--bcher-kva.example",
	"a\u061cb@example.org", "a@ex\u200bample.org", "a@a⁄b.org", "a@b@c", "((((a@b.org))))", "b@x>\r\nRCPT TO:<c@d.org", "a@XN--.org",
}

// checkAccepted states what every address that was taken must hold to.
func checkAccepted(t *testing.T, a Address) {
	t.Helper()
	if strings.ContainsAny(a.Address, "<>\r\n\x00 \t\"\\,;:()[]%!") || strings.Count(a.Address, "@") != 1 || !utf8.ValidString(a.Address) {
		t.Fatalf("took %q", a.Address)
	}
	for _, r := range a.Address {
		if unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			t.Fatalf("took %q with %U in it", a.Address, r)
		}
	}
	for _, r := range a.Name {
		if r != '\t' && unicode.IsControl(r) {
			t.Fatalf("took the name %q", a.Name)
		}
	}
	local, domain, _ := strings.Cut(a.Address, "@")
	if !isASCII(domain) || len(local) > maxLocalPart || len(domain) > maxDomain || len(a.Address) > maxAddress || len(a.Name) > maxDisplayName {
		t.Fatalf("took %q", a.Address)
	}
	if again, err := checkAddress(a); err != nil || again != a {
		t.Fatalf("%q is taken, and then %q, %v", a, again, err)
	}
}

func checkError(t *testing.T, err error, input string) {
	t.Helper()
	if s := err.Error(); strings.ContainsAny(s, "\r\n\x00") || !isASCII(s) || len(s) > 200 {
		t.Fatalf("the error for %q is %q", input, s)
	}
}

func checkTime(t *testing.T, start time.Time, input string) {
	t.Helper()
	if took := time.Since(start); took > maxFuzzTime {
		t.Fatalf("%d bytes took %v", len(input), took)
	}
}

func FuzzAddresses(f *testing.F) {
	for _, seed := range addressSeeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		start := time.Now()
		addresses, err := Addresses(list)
		checkTime(t, start, list)
		if err != nil {
			checkError(t, err, list)
			if addresses != nil {
				t.Fatalf("addresses beside the error: %v", addresses)
			}
		}
		for _, a := range addresses {
			checkAccepted(t, a)
		}
	})
}

func FuzzCheckAddress(f *testing.F) {
	for _, seed := range addressSeeds {
		f.Add("Name", seed)
		f.Add(seed, "bob@example.org")
	}
	f.Fuzz(func(t *testing.T, name, spec string) {
		start := time.Now()
		a, err := checkAddress(Address{Name: name, Address: spec})
		checkTime(t, start, spec)
		if err != nil {
			checkError(t, err, spec)
			return
		}
		if a.Name != name || spec[:strings.LastIndexByte(spec, '@')] != a.Address[:strings.LastIndexByte(a.Address, '@')] {
			t.Fatalf("%q <%q> became %q <%q>", name, spec, a.Name, a.Address)
		}
		checkAccepted(t, a)
	})
}

func FuzzCheckMessageID(f *testing.F) {
	for _, seed := range []string{"<a@b>", "a@b", "<a@[IPv6:::1]>", "<<a@b>>", "<a@b>\r\nX: y", "<>", "a@b>", "<a@b", `"a"@b`, "<a@[>", "=?utf-8?q?x?=@b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		got, err := checkMessageID(id)
		if err != nil {
			checkError(t, err, id)
			return
		}
		inner := got[1 : len(got)-1]
		if got[0] != '<' || got[len(got)-1] != '>' || strings.ContainsAny(inner, "<>,;\\\"() ") || !isPrintableASCII(inner) ||
			strings.Count(inner, "@") != 1 || len(got) > maxMessageID {
			t.Fatalf("%q is taken as %q", id, got)
		}
		if again, err := checkMessageID(got); err != nil || again != got {
			t.Fatalf("%q is taken, and then %q, %v", got, again, err)
		}
		if again, err := checkMessageID(inner); err != nil || again != got {
			t.Fatalf("%q without brackets is %q, %v", got, again, err)
		}
	})
}

func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"a.pdf", "/etc/passwd", `..\x`, ".\u202e.", strings.Repeat("ü", 200) + ".tar.gz", "a\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if checkText(name) != nil {
			return
		}
		got := safeFileName(name)
		if len(got) > maxFileName || strings.ContainsAny(got, "/\\\r\n\x00\t") || !utf8.ValidString(got) || got == "." || got == ".." {
			t.Fatalf("%q became %q", name, got)
		}
		if again := safeFileName(got); again != got {
			t.Fatalf("%q became %q, and then %q", name, got, again)
		}
	})
}

func FuzzRawMessageID(f *testing.F) {
	for _, seed := range []string{"Message-ID: <a@b>\r\n\r\n", "A: b\nmessage-id:\n <a@b>\n", "\r\n", ":", " folded"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		id := rawMessageID(Bytes(raw))
		if id == "" {
			return
		}
		if _, err := checkMessageID(id); err != nil || !strings.Contains(string(raw), strings.Trim(id, "<>")) {
			t.Fatalf("%q has the Message-ID %q, %v", raw, id, err)
		}
	})
}
