package field

import (
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// Date reads the date of RFC 5322 section 3.3, obsolete zones included, and two forms that programs put in its
// place: with the zone's name after its offset, and that of the command date. A zone by a name that the standard
// does not list, and without an offset, is refused: what it stands for depends on where it was written.
func Date(s string) (time.Time, error) {
	plain, _, _ := strings.Cut(s, "(")
	plain = inOrder(strings.TrimRight(plain, wsp))
	if i := strings.LastIndexAny(plain, wsp); i >= 0 && isLetters(plain[i+1:]) {
		before := strings.TrimRight(plain[:i], wsp)
		offset, known := zones[strings.ToUpper(plain[i+1:])]
		switch {
		case endsInOffset(before):
			plain = before
		case known:
			plain = before + " " + offset
		default:
			return time.Time{}, refuse.Invalid("has a time zone without an offset")
		}
	}
	t, err := time.Parse(usualDate, plain)
	if err != nil {
		t, err = mail.ParseDate(plain)
	}
	if err != nil {
		return time.Time{}, refuse.Invalid("is not a date of RFC 5322")
	}
	return t, nil
}

// inOrder returns s in the order of RFC 5322 where it is in that of the command date: Wed Mar  4 05:06:07 UTC 2026.
func inOrder(s string) string {
	f := strings.Fields(s)
	if len(f) != 6 || !isLetters(f[1]) || !isLetters(f[4]) {
		return s
	}
	return f[0] + ", " + f[2] + " " + f[1] + " " + f[5] + " " + f[3] + " " + f[4]
}

func endsInOffset(s string) bool {
	sign := len(s) - len("+0000")
	if sign < 0 || s[sign] != '+' && s[sign] != '-' {
		return false
	}
	_, err := strconv.ParseUint(s[sign+1:], 10, 16)
	return err == nil
}

// usualDate is tried first, for the standard library has many forms to try, the rare ones first.
const usualDate = "Mon, 2 Jan 2006 15:04:05 -0700"

// zones are those of RFC 5322 section 4.3, and what some write for the first.
var zones = map[string]string{
	"UT": "+0000", "GMT": "+0000", "UTC": "+0000", "Z": "+0000",
	"EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500",
	"MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700",
}

func isLetters(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return false
		}
	}
	return s != ""
}
