package mailer_test

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// marker stands in every hostile value, so that an error that repeats it is seen.
const marker = "INJECTED"

type class string

const (
	control    class = "control character" // CR, LF, NUL and the other C0 but TAB, DEL, C1
	nul        class = "NUL"
	tab        class = "TAB"
	badUTF8    class = "invalid UTF-8"
	separator  class = "line or paragraph separator" // U+2028, U+2029: no line ends in mail
	bidi       class = "bidirectional or invisible formatting"
	encoded    class = "encoded word"
	command    class = "further SMTP, JSON or header syntax"
	long       class = "100,000 bytes"
	everything class = "everything"
)

// hostile returns values made from base, a valid one of the field.
func hostile() map[class][]func(base string) string {
	all := make(map[class][]func(string) string)
	add := func(c class, payload string) {
		all[c] = append(all[c],
			func(base string) string { return payload + marker + base },
			func(base string) string { return base + payload + marker },
			func(base string) string { return base[:len(base)/2] + payload + marker + base[len(base)/2:] },
		)
	}
	for r := rune(0); r < 0xa0; r++ {
		switch {
		case r == 0:
			add(nul, "\x00")
		case r == '\t':
			add(tab, "\t")
		case r < ' ' || r >= 0x7f:
			add(control, string(r))
		}
	}
	for _, s := range []string{
		"\r\n", "\n\r", "\r\r\n", "\r\n.\r\n", "\n.\n", "\r.\r", "\r\nBcc: victim@example.net\r\n", "\n\n<script>",
		"\r\nRCPT TO:<victim@example.net>", "\r\n ", "\r\n\t", "a\nb", "\x1b]0;title\x07",
	} {
		add(control, s)
	}
	for _, s := range []string{"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xc0\x8a", "\xe5\x98\x8a\xe5"} {
		add(badUTF8, s)
	}
	add(separator, "\u2028")
	add(separator, "\u2029")
	for _, s := range []string{"\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\ufeff", "\u00ad", "\u180e", "\u3164"} {
		add(bidi, s)
	}
	for _, s := range []string{"=?utf-8?q?a=0D=0ABcc:?=", "=?utf-8?b?DQpCY2M6?=", "=?x?"} {
		add(encoded, s)
	}
	for _, s := range []string{
		"x> ORCPT=rfc822;", "> NOTIFY=NEVER ", "\"", "\\", "\"b@x> \"@", "<", ">", ",", ";", ":", "(c)", "[1.2.3.4]", " ",
		"@", "@a,@b:", "%", "!", "\",\"to\":\"", "{{.}}", "..",
	} {
		add(command, s)
	}
	all[long] = []func(string) string{func(base string) string { return base + strings.Repeat(marker, 100_000/len(marker)) }}
	return all
}

// legal says where which classes may stand, because the writer encodes them there or
// leaves them out. Whatever is not listed is refused.
var legal = map[string][]class{
	// Text of any form, sent with a transfer encoding.
	"Text": {control, tab, separator, bidi, encoded, command, long},
	"HTML": {control, tab, separator, bidi, encoded, command, long},
	// Unstructured text, sent as encoded words where it is not plain.
	"Subject":          {tab, separator, bidi, encoded, command},
	"Headers[0].Value": {tab, separator, bidi, encoded, command},
	// A name may hold whatever ftext has, which is all of ASCII but space and colon.
	"Headers[0].Name": {encoded, command},
	"*.Name":          {tab, separator, bidi, encoded, command},
	// Only what follows the last slash is kept, without what does not show, and 255 bytes of it.
	"Attachments[0].Name": {tab, separator, bidi, encoded, command, long},
	// Of printable ASCII: a part of the syntax goes through, as a part of the name.
	"Attachments[0].ContentID":    {encoded, command},
	"Attachments[0].ContentType":  {tab, command},
	"Alternatives[0].ContentType": {tab, command},
	"MessageID":                   {encoded, command},
	"IdempotencyKey":              {encoded, command},
	"DSN.EnvelopeID":              {encoded, command},
	"Unsubscribe.URL":             {encoded, command},
	"Unsubscribe.Mailto":          {command},
	"*.Address":                   {command}, // what of it is no syntax of addresses, such as {{.}}
	"ReturnPath":                  {command},
	// Labels that providers carry as JSON or as an encoded header field.
	"Tags[0]":          {tab, separator, bidi, encoded, command},
	"Metadata key":     {tab, separator, bidi, encoded, command},
	"Metadata value":   {tab, separator, bidi, encoded, command},
	"Template.ID":      {tab, separator, bidi, encoded, command},
	"Template.Version": {tab, separator, bidi, encoded, command},
	// Free data that the adapter encodes as JSON, and names that are only looked up.
	"Template.Data key":     {everything},
	"Template.Data value":   {everything},
	"ProviderOptions key":   {everything},
	"ProviderOptions value": {everything},
}

func isLegal(path string, c class) bool {
	classes, listed := legal[path]
	if !listed {
		classes = legal["*"+path[strings.LastIndexByte(path, '.'):]]
	}
	return slices.Contains(classes, c) || slices.Contains(classes, everything)
}

// visitStrings calls f for every string that v holds, with a function that replaces
// it. Of a list only the first element is visited.
func visitStrings(v reflect.Value, path string, f func(path, value string, set func(string))) {
	switch v.Kind() {
	case reflect.String:
		f(path, v.String(), v.SetString)
	case reflect.Pointer:
		if !v.IsNil() {
			visitStrings(v.Elem(), path, f)
		}
	case reflect.Slice:
		if v.Len() > 0 && v.Type().Elem().Kind() != reflect.Uint8 {
			visitStrings(v.Index(0), path+"[0]", f)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := v.MapIndex(key)
			f(path+" key", key.String(), func(s string) {
				v.SetMapIndex(key, reflect.Value{})
				v.SetMapIndex(reflect.ValueOf(s), value)
			})
			f(path+" value", fmt.Sprint(value.Interface()), func(s string) { v.SetMapIndex(key, reflect.ValueOf(s)) })
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				visitStrings(v.Field(i), strings.TrimPrefix(path+"."+field.Name, "."), f)
			}
		}
	}
}

func stringFields(m *mailer.Message) map[string]string {
	fields := make(map[string]string)
	visitStrings(reflect.ValueOf(m).Elem(), "", func(path, value string, _ func(string)) { fields[path] = value })
	return fields
}

func withString(path, value string) *mailer.Message {
	m := full()
	visitStrings(reflect.ValueOf(m).Elem(), "", func(p, _ string, set func(string)) {
		if p == path {
			set(value)
		}
	})
	return m
}

func TestInjection(t *testing.T) {
	corpus := hostile()
	fields := stringFields(full())
	if len(fields) < 35 {
		t.Fatalf("only %d fields are attacked: %v", len(fields), slices.Sorted(maps.Keys(fields)))
	}
	cases := 0
	for path, base := range fields {
		for c, values := range corpus {
			for _, value := range values {
				cases++
				attack(t, path, c, value(base))
			}
		}
	}
	if cases < 5000 {
		t.Errorf("only %d cases", cases)
	}
}

var oneLineOfASCII = regexp.MustCompile(`^[ -~]+$`)

func attack(t *testing.T, path string, c class, value string) {
	t.Helper()
	msg := withString(path, value)
	m, err := mailer.Prepare(msg)
	switch {
	case err != nil:
		if e := refused(t, msg); strings.Contains(e.Error(), marker) || !oneLineOfASCII.MatchString(e.Error()) {
			t.Errorf("%s, %s: the error repeats the value: %q", path, c, e.Error())
		}
	case !isLegal(path, c):
		t.Errorf("%s, %s: %.100q was taken", path, c, value)
	default:
		checkCarried(t, path, m)
	}
}

var addressForm = regexp.MustCompile(`^[^\x00-\x20\x7f<>()\[\],;:\\"%!@]+@[A-Za-z0-9.-]+$`)

// checkCarried looks at what a message carries after it was taken with a hostile value.
func checkCarried(t *testing.T, path string, m *mailer.Message) {
	t.Helper()
	for p, s := range stringFields(m) {
		bad := ""
		switch {
		case isLegal(p, everything):
		case p == "Text" || p == "HTML":
			bad = "\x00"
		default:
			bad = "\x00\r\n\x0b\x0c\x1b\x7f\u0085"
		}
		if strings.ContainsAny(s, bad) {
			t.Errorf("%s made %s carry %q", path, p, s)
		}
		if isAddress := strings.HasSuffix(p, ".Address") || p == "ReturnPath" || p == "Unsubscribe.Mailto"; isAddress && !addressForm.MatchString(s) {
			t.Errorf("%s made %s carry the address %q", path, p, s)
		}
	}
	for _, r := range append(m.Recipients(), m.EnvelopeFrom()) {
		if !addressForm.MatchString(r) {
			t.Errorf("%s made the envelope carry %q", path, r)
		}
	}
}

// The class that is legal nowhere but in free data is refused in all other fields.
func TestControlCharactersAreLegalInBodiesAlone(t *testing.T) {
	for path := range stringFields(full()) {
		free := path == "Text" || path == "HTML" || isLegal(path, everything)
		if isLegal(path, control) != free || !free && (isLegal(path, nul) || isLegal(path, badUTF8)) {
			t.Errorf("%s is listed as a field that takes control characters", path)
		}
	}
}

func TestBodiesRefuse(t *testing.T) {
	for _, body := range []string{"a\x00b", "a\xffb", "\xed\xa0\x80"} {
		text, html := simple(), simple()
		text.Text, html.HTML = body, body
		refused(t, text)
		refused(t, html)
	}
	msg := simple()
	msg.Text = "CR\rLF\nCRLF\r\n\r\n.\r\nQUIT\t\x1b \u2028"
	if m := mustPrepare(t, msg); m.Text != msg.Text {
		t.Error("Prepare changed the text: line ends are the writer's")
	}
}
