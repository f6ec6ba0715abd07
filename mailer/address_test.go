package mailer_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestAddressSpec(t *testing.T) {
	l63 := strings.Repeat("d", 63)
	good := map[string]string{ // want "": as it is given
		"bob@example.org": "", "b@x.y": "", "bob@localhost": "", "Bob.Smith+tag@Example.ORG": "", "o'brien@example.org": "",
		"#$&'*+-/?=^_`{|}~@example.org": "", "-bob@example.org": "",
		"bob@1.example": "", "bob@a-b.c--d.org": "", "bob@r3--sn-abc.example": "", "bob@" + l63 + ".org": "",
		"bob@bücher.example": "bob@xn--bcher-kva.example", "bob@BÜCHER.example": "bob@xn--bcher-kva.example",
		"bob@XN--BCHER-KVA.example": "bob@xn--bcher-kva.example", "bob@例え.テスト": "bob@xn--r8jz45g.xn--zckzah",
		"bob@example。org": "bob@example.org", "bob@ｅｘａｍｐｌｅ.org": "bob@example.org", "bob@faß.example": "bob@xn--fa-hia.example",
		"jürgen@example.org": "", "用户@例え.テスト": "用户@xn--r8jz45g.xn--zckzah",
	}
	for in, want := range good {
		if want == "" {
			want = in
		}
		testSpec(t, in, want, true)
	}
}

func TestAddressSpecRefused(t *testing.T) {
	bad := map[string][]string{
		"shape": {"", "@", "bob", "@example.org", "bob@", "bob@@example.org", "bob@x@example.org", "a@b@c@d"},
		"dots": {
			".bob@example.org", "bob.@example.org", "b..b@example.org", "bob@.example.org", "bob@example.org.", "bob@example..org",
			"bob@.", "bob@example.org。",
		},
		"space":          {" bob@example.org", "bob@example.org ", "bo b@example.org", "bob@exam ple.org", "bob @example.org", "bob@ example.org", "bo\tb@example.org"},
		"quoted":         {`"bob"@example.org`, `"bo b"@example.org`, `"b@x> ORCPT=rfc822;y"@example.org`, `"\""@example.org`, `bo"b@example.org`, `"a"."b"@example.org`, `bob\@x@example.org`},
		"brackets":       {"<bob@example.org>", "bob@example.org>", "<bob@example.org", "b@x> ORCPT=rfc822;y@example.org", "b@x>ORCPT", "b@x> NOTIFY=NEVER", "b>@x.org"},
		"routes":         {"@a,@b:bob@example.org", "@a:bob@example.org", "bob%inner@example.org", "a!b!bob@example.org", "bob:x@example.org"},
		"literals":       {"bob@[192.0.2.1]", "bob@[IPv6:::1]", "bob@[x]", "bob@192.0.2.1]"},
		"lists":          {"a@x.org,b@x.org", "a@x.org, b@x.org", "a@x.org;b@x.org", "Group: a@x.org;", "bob@example.org (comment)", "(c)bob@example.org"},
		"encoded words":  {"=?utf-8?q?bob?=@example.org", "bob=?utf-8?q?=40x.org?=@example.org", "bob@=?utf-8?q?x?=.org"},
		"controls":       {"bob\x00@example.org", "bob\r\n@example.org", "bob@example.org\r\n", "bob@exa\nmple.org", "b\x7fb@example.org", "b\u0085b@example.org", "bob@example.org\x00"},
		"invalid UTF-8":  {"b\xffb@example.org", "bob@b\xffb.org", "b\xed\xa0\x80@example.org", "b\ufffdb@example.org"},
		"invisible":      {"b\u00a0b@example.org", "b\u200bb@example.org", "b\u202eb@example.org", "b\u061cb@example.org", "b\u2028b@example.org", "b\ufeffb@example.org", "b\u00adb@example.org", "b\u3000b@example.org", "b\u180eb@example.org", "b\u3164b@example.org", "b\U000e0041b@example.org", "b\ufff9b@example.org"},
		"domain hyphens": {"bob@-a.org", "bob@a-.org", "bob@a.-b", "bob@-"},
		"domain characters": {
			"bob@ex_ample.org", "bob@ex*mple.org", "bob@example.org/x", "bob@example.org:25", "bob@example.org#x", "bob@a＠b.org", "bob@ex%61mple.org",
			"bob@a℀b.org", "bob@a⁄b.org",
		},
		"punycode":     {"bob@xn--.org", "bob@xn--a.org", "bob@xn--example-.org", "bob@xn--0.org", "bob@xn--ls8h=.org", "bob@xn--a-ecp.xn--", "bob@xn--\u00fc.org"},
		"domain joins": {"bob@a\u200db.org", "bob@\u0301a.org", "bob@a\u200b\u202e.org", "bob@אa.org"},
		"long":         {strings.Repeat("l", 65) + "@x.org", "b@" + strings.Repeat("d", 64) + ".org", "b@" + strings.Repeat("ü", 63) + ".org", "b@" + strings.Repeat("d.", 127) + "org"},
	}
	for group, specs := range bad {
		for _, s := range specs {
			t.Run(group, func(t *testing.T) { testSpec(t, s, "", false) })
		}
	}
}

// testSpec tries spec in every place that takes an address.
func testSpec(t *testing.T, spec, want string, ok bool) {
	t.Helper()
	msg := simple()
	msg.Cc = []mailer.Address{{Name: "N", Address: spec}}
	msg.ReturnPath = spec
	if !ok {
		refused(t, msg)
		for field, set := range map[string]func(*mailer.Message){
			"From":       func(m *mailer.Message) { m.From.Address = spec },
			"Sender":     func(m *mailer.Message) { m.Sender = mailer.Address{Name: "N", Address: spec} },
			"Bcc[0]":     func(m *mailer.Message) { m.Bcc = []mailer.Address{{Address: spec}} },
			"ReplyTo[0]": func(m *mailer.Message) { m.ReplyTo = []mailer.Address{{Address: spec}} },
			"ReturnPath": func(m *mailer.Message) { m.ReturnPath = spec },
		} {
			m := simple()
			if set(m); field == "ReturnPath" && spec == "" {
				continue
			}
			if e := refused(t, m); !strings.Contains(e.Error(), field+" ") || len(spec) > 3 && strings.Contains(e.Error(), spec) {
				t.Errorf("%q: %q does not name %s, or repeats the address", spec, e.Error(), field)
			}
		}
		return
	}
	m, err := mailer.Prepare(msg)
	if err != nil {
		t.Errorf("%q: %v", spec, err)
		return
	}
	if got := m.Cc[0]; got.Address != want || got.Name != "N" {
		t.Errorf("%q: got %v, want %q", spec, got, want)
	}
	if got := m.EnvelopeFrom(); got != want {
		t.Errorf("%q: envelope from %q, want %q", spec, got, want)
	}
}

func TestAddresses(t *testing.T) {
	list := func(nameAndSpec ...string) (all []mailer.Address) {
		for i := 0; i < len(nameAndSpec); i += 2 {
			all = append(all, mailer.Address{Name: nameAndSpec[i], Address: nameAndSpec[i+1]})
		}
		return all
	}
	for in, want := range map[string][]mailer.Address{
		"bob@example.org":       list("", "bob@example.org"),
		" bob@example.org ":     list("", "bob@example.org"),
		"Bob <bob@example.org>": list("Bob", "bob@example.org"),
		"<bob@example.org>":     list("", "bob@example.org"),
		`"Smith, Bob" <bob@example.org>, carl@example.org`: list("Smith, Bob", "bob@example.org", "", "carl@example.org"),
		`"say \"hi\"" <bob@example.org>`:                   list(`say "hi"`, "bob@example.org"),
		"=?utf-8?q?J=C3=BCrgen?= <j@example.org>":          list("Jürgen", "j@example.org"),
		"Jürgen <j@bücher.example>":                        list("Jürgen", "j@xn--bcher-kva.example"),
		"bob@example.org (Bob)":                            list("Bob", "bob@example.org"),
		"Team: a@example.org, B <b@example.org>;":          list("", "a@example.org", "B", "b@example.org"),
	} {
		if got, err := mailer.Addresses(in); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, %v, want %v", in, got, err, want)
		}
	}
}

func TestAddressesRefused(t *testing.T) {
	for _, in := range []string{
		"", " ", ",", "bob", "Bob bob@example.org", "<bob@example.org", "bob@example.org>", "a@x.org b@x.org", "a@x.org; b@x.org",
		`"b@x> ORCPT=rfc822;y"@example.org`, `"bo b"@example.org`, "<@a,@b:bob@example.org>", "bob%x@example.org", "bob@[192.0.2.1]",
		"Bob\r\nBcc: <bob@example.org>", "Bob\x00 <bob@example.org>", "=?utf-8?q?a=0D=0Ab?= <bob@example.org>",
		"=?utf-8?q?a=00b?= <bob@example.org>", "=?x-unknown?q?a?= <bob@example.org>", "\"a\xffb\" <bob@example.org>",
		"=?utf-8?q?bob=40x=2Eorg?=@example.org", "ok@example.org, bob@-a.org", strings.Repeat("N", 321) + " <bob@example.org>",
	} {
		got, err := mailer.Addresses(in)
		if err == nil {
			t.Errorf("%q: got %v, want an error", in, got)
			continue
		}
		if !oneLineOfASCII.MatchString(err.Error()) || strings.Contains(err.Error(), "example.org") {
			t.Errorf("%q: %q repeats the list", in, err)
		}
	}
	if _, err := mailer.Addresses("ok@example.org, bob@-a.org"); err == nil || !strings.Contains(err.Error(), "address 2 ") {
		t.Errorf("got %v, want the place in the list", err)
	}
}

// Parsers of addresses have been quadratic: nothing of 8 KiB may take long.
func TestAddressesTime(t *testing.T) {
	const size = 8 << 10
	for _, unit := range []string{
		"(", ")", "\"", "\\", "<", ">", "@", ",", ";", ":", "=?utf-8?q?", "=?utf-8?q?a?= ", "a@b,", "a ", "((a)", "\"\\", ".", "a.", "[", "x:;,", "é",
	} {
		list := strings.Repeat(unit, size/len(unit))
		start := time.Now()
		_, _ = mailer.Addresses(list)
		_, _ = mailer.Addresses("a@b, " + list[:size-5])
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%d bytes of %q took %v", size, unit, took)
		}
	}
}
