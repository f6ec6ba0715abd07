// Package charset turns text of any charset that mail is written in into UTF-8, and refuses what a
// charset does not have, which the decoders beneath it would replace in silence.
package charset

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// Decode returns b, which is text in the charset that label names, in UTF-8. The empty label is US-ASCII.
//
// Two labels are read as every mail program does, for what they say would leave octets without a
// meaning: US-ASCII with octets outside ASCII is UTF-8, if it is valid UTF-8, and ISO-8859-1 with octets
// that are C1 controls there is windows-1252.
func Decode(label string, b []byte) (string, error) {
	name := canonical(label)
	switch name {
	case "", "us-ascii", "utf-8":
		if !utf8.Valid(b) {
			return "", undecodable(name)
		}
		return string(b), nil
	case "iso-8859-1":
		if hasC1(b) {
			return decode(name, charmap.Windows1252.NewDecoder().Bytes, b)
		}
	}
	enc := lookup(name)
	if enc == nil {
		return "", refuse.Unsupported("is in the charset %s, which is not known", Shown(label))
	}
	return decode(name, enc.NewDecoder().Bytes, b)
}

// decode refuses U+FFFD in the result: of these charsets only the Unicode ones and GB 18030 can say it,
// and there too it stands for something that was lost before.
func decode(name string, to func([]byte) ([]byte, error), b []byte) (string, error) {
	text, err := to(b)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return "", undecodable(name)
	}
	return string(text), nil
}

func undecodable(name string) error {
	if name == "" {
		name = "us-ascii"
	}
	return refuse.Invalid("has octets that its charset, %s, does not have", Shown(name))
}

func hasC1(b []byte) bool {
	for _, c := range b {
		if 0x80 <= c && c <= 0x9f {
			return true
		}
	}
	return false
}

// Shown is a name as an error may repeat it: a short token, or a word for what is none.
func Shown(name string) string {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || i == 40 {
			return "(of a malformed name)"
		}
	}
	return name
}

// canonical is name in lower case, with hyphens for the underscores that programming languages have there and without
// the quotes of PHP's authors, and with the usual other names of the commonest charsets replaced.
func canonical(name string) string {
	name = strings.ReplaceAll(strings.ToLower(strings.Trim(name, " \t'")), "_", "-")
	switch name {
	case "utf8", "utf-8-sig", "unicode-1-1-utf-8":
		return "utf-8"
	case "ascii", "us", "ansi-x3.4-1968", "ansi-x3.4-1986", "iso646-us", "646", "iso-ir-6":
		return "us-ascii" // the second is what programs in the C locale say
	case "latin1", "latin-1", "l1", "iso8859-1", "iso88591", "iso-ir-100", "cp819", "ibm819":
		return "iso-8859-1"
	}
	if rest, found := strings.CutPrefix(name, "iso8859-"); found {
		name = "iso-8859-" + rest
	}
	if rest, found := strings.CutPrefix(name, "iso-8859-"); found {
		rest, _, _ = strings.Cut(rest, ":") // the year, as IANA lists them
		return "iso-8859-" + rest
	}
	if rest, found := strings.CutPrefix(name, "cp125"); found {
		return "windows-125" + rest
	}
	if rest, found := strings.CutPrefix(name, "x-"); found {
		return rest
	}
	return name
}
