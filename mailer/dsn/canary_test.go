package dsn_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// canaries are secrets; the second could pass for a parameter's name.
var canaries = []string{"CANARY-s3cr3t", "canary_s3cr3t"}

// secretsAt are strings with C where a secret stands, or lands because the string is malformed.
var secretsAt = []string{
	"smtp://u:C@h", "smtp://u:C@h:25?timeout=5s", "smtp://C@h", "smtp://C:C@h", "key://C@default",
	"smtp://h?token=C", "smtp://u@h?token=C&pool=4", "smtp://h?mode=C",
	"smtp://u:C@h?from=a@example.com", "smtp://h?token=C&from=a@example.com",
	"smtp://u:C/w#@h", "smtp://u:p@C/w#@h", "smtp://u:C@p@h", "smtp://u:C+/=|&@h",
	"smtp://u:C?ss@h", "smtp://u:p?C@h", "smtp://u:p?C=x@h", "smtp://u:p?x=C@h", "smtp://u:p?mode=C@h",
	"smtp://u:p?timeout=C@h", "smtp://u:C?mode=x@h", "smtp://C?x@h", "smtp://C?mode=x@h", "smtp://u:C?@h",
	"smtp://u:a@b?C=x@h", "smtp://u:a@b?C@h", "smtp://u:a@b?x&C@h", "smtp://u:a@b?C&x@h", "smtp://u:a@b?mode=x&C&x@h", "smtp://u:a@b?C&from=@h", "smtp://u:a@C?from=@h", "smtp://u:a@b?C=${@h?x=}",
	"smtp://u:a@C?mode=x@h", "smtp://u:a@C?x@h", "smtp://u:a@b/C?x@h", "smtp://u:a@b#C?x@h", "smtp://u:a@b:C?x@h",
	"smtp://u:C", "smtp://u:C?timeout=5s", "smtp://u:p?C", "smtp://u:p?C=", "smtp://C", "smtp://C:25", "smtp://h:C",
	"smtp://u:pa C@h", "smtp://u:C pa@h", "smtp://u:C(@h", "smtp://u:C)@h", "smtp://u:C\n@h", "smtp://u:C@h\n", "smtp://u:C\x00@h",
	"smtp://u:%C@h", "smtp://u:C%@h", "smtp://u:C%4@h", "smtp://u:C%zz@h", "smtp://%zzC:p@h", "smtp://u:p@%zzC@h%zz",
	"smtp://u:C@", "smtp://u:C@:25", "smtp://u:C@h:x", "smtp://u:C@h/p", "smtp://u:C@h#f", "smtp://u:C@h?", "smtp://u:C@[h", "smtp://:C@h",
	"smtp://u:C@h?timeout=x", "smtp://u:C@h?x=y", "smtp://u:C@h?timeout=1s&timeout=1s", "smtp://h?token=C&token=C",
	"smtp://h?token=C%", "smtp://h?token=C#", "smtp://h?token=C d", "smtp://h?timeout=C", "smtp://h?strict=C", "smtp://h?pool=C",
	"smtp://h?from=C", "smtp://h?from=C@", "smtp://h?ca_file=C", "smtp://h?ca_file=/C", "smtp://h?pool=C@x",
	"smtp://u:${C@h", "smtp://u:x${C}@h", "smtp://u:${C}x@h", "smtp://u:${-C}@h", "smtp://u:${C }@h", "smtp://u:${x@h?C=}",
	"key://C", "key://C:x", "key://C:x@default", "key://x:C@default", "key://C?x@default", "key://C?x=y", "key://C/x@default", "key://C/x",
	"u:C@h", "u:C://h", "smtp:u:C@h", "smtp:/u:C@h", "SMTP://u:C@h", "other://u:C@h", "//u:C@h", "C", " smtp://u:C@h", "smtp ://u:C@h",
	"x;accesskey=C", "endpoint=https://h/;accesskey=C", "${C-}", "${x:C}",
	// Through references. What they resolve to is a secret wherever it stands.
	"${DSN_C}", "smtp://u:${DSN_C}@h", "smtp://${DSN_C}@h", "smtp://${DSN_C}", "smtp://u:p@${DSN_C}", "smtp://h:${DSN_C}",
	"smtp://u@h?token=${DSN_C}", "smtp://u@h?timeout=${DSN_C}", "smtp://u@h?from=${DSN_C}", "smtp://u@h?ca_file=${DSN_C}",
	"smtp://u@h?${DSN_C}=x", "smtp://u@h?${DSN_C}", "${DSN_C}://h", "key://${DSN_C}@default",
	"${DSN_URL}", "${DSN_URL}x", "${file:FILE}", "smtp://u:${file:FILE}@h", "key://${file:FILE}@default", "smtp://u@h:${file:FILE}",
	"smtp://u@${file:FILE}", "smtp://u@h?token=${file:FILE}", "smtp://u@h?pool=${file:FILE}", "smtp://u@h?ca_file=${file:FILE}",
}

// compositesAt are composites with C where a secret stands, or lands because the string is malformed.
var compositesAt = []string{
	"failover(smtp://u:C@h smtp://h)", "failover(smtp://u:C@h", "weighted(3*smtp://u:C@h 1*key://C@default)?delivery=at-least-once",
	"roundrobin(failover(smtp://u:C@h)?name=x&tags=a smtp://h?token=C)", "failover(smtp://C smtp://C)",
	"failover(smtp://u:C@h)x", "failover(smtp://u:C@h)C", "failover(smtp://u:C@h)C?x", "failover(smtp://u:C@h) C",
	"failover(C", "failover(C)", "failover(C C)", "C(smtp://h)", "C (smtp://h)", "C(", "(C)", "failover (smtp://u:C@h)", "failover(failover (smtp://u:C@h))",
	"0*smtp://u:C@h", "3*C", "failover(3*smtp://u:C@h)", "weighted(0*smtp://u:C@h)", "weighted(-1*C)", "weighted(3 *smtp://u:C@h)", "weighted(3* smtp://u:C@h)",
	"weighted(C*smtp://h)", "weighted(3*C*smtp://h)", "weighted(3C*smtp://u:C@h)", "weighted(99999999*smtp://u:C@h)",
	"failover(smtp://u:C@h)?x=y", "failover(smtp://u:C@h)?C=x@", "failover(smtp://u:C@h)?x&C@h", "failover(smtp://u:C@h)?delivery=C",
	"failover(smtp://u:C@h)?max_attempts=C", "failover(smtp://u:C@h)?start_limit=C", "failover(smtp://u:C@h)?name=a&name=C", "failover(smtp://u:C@h)?timeout=C",
	"failover(smtp://h?from_domains=C_)", "failover(smtp://h?to_domains=*.C_x)", "failover(failover(smtp://h)?from_domains=C_)",
	"failover(smtp://h?tags=C,)", "failover(smtp://h?from_domains=C.)", "failover(smtp://h?to_domains=C,%20)", "failover(smtp://h?max_in_flight=C)", "failover(smtp://h?from=C)", "failover(smtp://h?ca_file=C)",
	"smtp://u:C@h?tags=C", "smtp://u@h?delivery=C", "failover(smtp://u@h?delivery=C)", "failover(smtp://h failover(smtp://h)?from=C)",
	// What was not escaped in a password.
	"failover(smtp://u:pa C@h smtp://h)", "failover(smtp://u:C pa@h smtp://h)", "failover(smtp://u:a@C pa@h)", "failover(smtp://u:a@b?C pa@h)", "failover(smtp://u:p@h?x=C pa@h)",
	"failover(smtp://u:a(C@h smtp://h)", "failover(smtp://u:a@C(@h smtp://h)", "failover(smtp://u:a@b?C(x@h smtp://h)", "failover(smtp://u:a@b?C(x)@h smtp://h)",
	"failover(smtp://u:a)C@h smtp://h)", "failover(smtp://u:a@C)x@h smtp://h)", "failover(smtp://u:a@C)?x@h smtp://h)", "failover(smtp://u:a@b)?C@h smtp://h)", "failover(smtp://u:a@b)?C@h)",
	"failover(smtp://u:a@b)?delivery=C@h)", "failover(smtp://u:a@b)?x=C(@h)", "failover(failover(smtp://u:a@C)?x@h) smtp://h)", "failover(smtp://u:a@C) (x@h)",
	"failover(smtp://u:a@C\tx@h)", "failover(smtp://u:a@b?C\nx@h)", "failover(smtp://u:a@C failover(x)@h)", "failover(smtp://u:a@C roundrobin(smtp://x)y@h)", "failover(smtp://u:a@C 3*x@h)",
	"failover(smtp://u:C?x@h smtp://h)", "failover(smtp://u:p?C@h)", "failover(smtp://u:a@C?x@h smtp://u:C@h)", "failover(smtp://u:C#@h)", "failover(smtp://u:C\x00@h)", "failover(smtp://u:%C@h)",
	"failover(smtp://u:${C@h smtp://h)", "failover(smtp://u:x${C}@h)", "failover(smtp://u:${x@h smtp://h?C=})", "failover(smtp://u:a@C ${x@h)", "failover(${C-})", "failover(${x:C})",
	"failover(endpoint=https://h/;accesskey=C smtp://u:C@h)",
	// Through references.
	"failover(${DSN_C})", "weighted(3*${DSN_C})", "failover(${DSN_C}x)", "${DSN_C}(smtp://h)", "failover(${DSN_URL} smtp://h)", "failover(${file:FILE})",
	"failover(smtp://h)?${DSN_C}", "failover(smtp://h)?name=${DSN_C}&x=y", "failover(smtp://h)?rest=${DSN_C}", "failover(smtp://h?tags=${DSN_C},)",
	"failover(${DSN_COMPOSITE})", "${DSN_COMPOSITE}", "failover(${DSN_OPEN} smtp://h)", "${DSN_OPEN}", "failover(smtp://u:${DSN_OPEN}@h:x)",
}

// holder has each value where fmt cannot call its methods.
type holder struct {
	URL    *dsn.URL
	Copy   dsn.URL
	params *dsn.Params
	common dsn.Common
	copied dsn.URL
	inner  dsn.Params
}

func TestNoSecretShows(t *testing.T) {
	for _, canary := range canaries {
		file := filepath.Join(t.TempDir(), "file")
		writeFile(t, file, canary)
		t.Setenv("DSN_C", canary)
		t.Setenv("DSN_URL", "smtp://u:"+canary+"?x@h")
		t.Setenv("DSN_COMPOSITE", "failover(smtp://u:"+canary+"@h smtp://u:"+canary+"@h?x=y)")
		t.Setenv("DSN_OPEN", "failover(smtp://u:"+canary+"@h smtp://"+canary)
		replacer := strings.NewReplacer("DSN_C", "DSN_C", "FILE", file, "C", canary)
		for _, template := range slices.Concat(secretsAt, compositesAt) {
			s := replacer.Replace(template)
			var shown []string
			sender, err := testMux(func(u *dsn.URL) { shown = renderURL(u) }).Open(t.Context(), s)
			if err != nil {
				for e := err; e != nil; e = errors.Unwrap(e) {
					shown = append(shown, render(e)...)
				}
				if strings.ContainsAny(err.Error(), "\r\n") {
					t.Errorf("%q: the error is more than one line: %v", template, err)
				}
			} else {
				shown = append(shown, render(sender)...)
			}
			shown = append(shown, dsn.Redact(s))
			for _, text := range shown {
				if leaked := leak(text, canary); leaked != "" {
					t.Errorf("%q: %q shows in %s", template, leaked, text)
				}
			}
		}
	}
}

// renderURL prints u and all that it leads to, alone and inside other values.
func renderURL(u *dsn.URL) []string {
	p := u.Params()
	p.Int("pool", 0)
	h := holder{u, *u, p, u.Common(), *u, *p}
	shown := append(render(p.Err()), u.String())
	if _, err := u.Key(); err != nil {
		shown = append(shown, render(err)...)
	}
	for _, v := range []any{u, *u, p, *p, u.Common(), u.Password(), p.Secret("token"), h, &h, []any{u, *p}, map[string]any{"u": *u}} {
		shown = append(shown, render(v)...)
	}
	return shown
}

// render prints v in every way that a program may.
func render(v any) []string {
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
		shown = append(shown, fmt.Sprintf(verb, v))
	}
	shown = append(shown, encoded(json.Marshal(v)), encoded(xml.Marshal(v)))
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		b.WriteString(err.Error())
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
	return append(shown, b.String())
}

func encoded(b []byte, err error) string {
	return string(b) + fmt.Sprint(err)
}

// leak returns a stretch of four bytes of canary that is in text, plain or in hexadecimal.
func leak(text, canary string) string {
	text = strings.ToLower(text)
	for i := range len(canary) - 3 {
		part := strings.ToLower(canary[i : i+4])
		if strings.Contains(text, part) || strings.Contains(text, hex.EncodeToString([]byte(canary[i:i+4]))) {
			return part
		}
	}
	return ""
}

// vault is a Sender that would show its key if fmt looked into it.
type vault struct{ key string }

func (vault) Send(context.Context, *mailer.Message) (*mailer.Receipt, error) { return nil, nil }

// keeper is a vault that is a Resolver too.
type keeper struct{ vault }

func (keeper) Resolve(context.Context, *mailer.Message) (mailer.Outcome, error) { return 0, nil }

// A name may be shown, but not in an error: there it may be anything.
func TestNameClashShowsNothing(t *testing.T) {
	for _, canary := range canaries {
		for _, template := range []string{
			"failover(smtp://h?name=C smtp://h?name=C)", "failover(smtp://u:25?name=C@h smtp://u:25?name=C@h)",
			"failover(failover(smtp://h)?name=C smtp://h?name=C)?name=C",
		} {
			_, err := testMux(nil).Open(t.Context(), strings.ReplaceAll(template, "C", canary))
			if err == nil || leak(err.Error(), canary) != "" {
				t.Errorf("%s: got %v", template, err)
			}
		}
	}
}

func TestFromShowsNothing(t *testing.T) {
	for _, inner := range []mailer.Sender{vault{canaries[0]}, keeper{vault{canaries[0]}}} {
		for _, text := range render(openSender(t, fromURL, inner)) {
			if leaked := leak(text, canaries[0]); leaked != "" {
				t.Errorf("%T: %q shows in %s", inner, leaked, text)
			}
		}
	}
}

func TestMuxShowsNothing(t *testing.T) {
	key := canaries[0]
	mux := adapter(func(*dsn.URL) (mailer.Sender, error) { return vault{key}, nil })
	for _, v := range []any{mux, mux[0], mux[0][0]} {
		for _, text := range render(v) {
			if leaked := leak(text, key); leaked != "" {
				t.Errorf("%T: %q shows in %s", v, leaked, text)
			}
		}
	}
}
