package charset

import (
	"errors"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		label, octets, want string
		err                 error
	}{
		{"", "plain", "plain", nil},
		{"", "Gr\xc3\xbc\xc3\x9fe", "Grüße", nil},
		{"", "Gr\xfc\xdfe", "", mailer.ErrInvalidMessage},
		{"US-ASCII", "Gr\xc3\xbc\xc3\x9fe", "Grüße", nil},
		{"ANSI_X3.4-1968", "\xff", "", mailer.ErrInvalidMessage},
		{"utf8", "\xc3", "", mailer.ErrInvalidMessage},
		{"UTF-8", "\xef\xbf\xbd", "\ufffd", nil},
		{"iso-8859-1", "Gr\xfc\xdfe", "Grüße", nil},
		{"ISO_8859-1", "\x93quoted\x94", "“quoted”", nil},
		{"latin1", "\x81", "", mailer.ErrInvalidMessage},
		{"iso-8859-15", "\xa4", "€", nil},
		{"cp1252", "\x80", "€", nil},
		{"windows-1251", "\xcf\xf0\xe8", "При", nil},
		{"KOI8-R", "\xf0\xd2\xc9", "При", nil},
		{"ibm850", "\x81", "ü", nil},
		{"macintosh", "\x9f", "ü", nil},
		{"iso-2022-jp", "\x1b$B$\x22\x1b(B", "あ", nil},
		{"x-sjis", "\x82\xa0", "あ", nil},
		{"shift_jis", "\x82", "", mailer.ErrInvalidMessage},
		{"euc-jp", "\xa4\xa2", "あ", nil},
		{"ks_c_5601-1987", "\xb0\xa1", "가", nil},
		{"gb2312", "\xc4\xe3", "你", nil},
		{"gbk", "\xff", "", mailer.ErrInvalidMessage},
		{"big5", "\xa4\xa4", "中", nil},
		{"hz-gb-2312", "~{Dc~}", "你", nil},
		{"utf-16", "\xff\xfeA\x00", "A", nil},
		{"utf-16be", "\x00A", "A", nil},
		{"utf-16le", "A\x00", "A", nil},
		{"utf_8", "\xc3\xbc", "ü", nil},
		{"'utf-8'", "\xc3\xbc", "ü", nil},
		{"ISO8859_15", "\xa4", "€", nil},
		{"ISO_8859-1:1987", "\x80", "€", nil},
		{"ISO_8859-2:1987", "\xb1", "ą", nil},
		{"eucgb2312_cn", "\xc4\xe3", "你", nil},
		{"big5_tw", "\xa4\xa4", "中", nil},
		{"gb_2312-80", "\xc4\xe3", "你", nil},
		{"utf_7", "+APw-", "", mailer.ErrUnsupported},
		{"utf-7", "+APw-", "", mailer.ErrUnsupported},
		{"iso-2022-kr", "", "", mailer.ErrUnsupported},
		{"no such\r\ncharset", "", "", mailer.ErrUnsupported},
	} {
		got, err := Decode(c.label, []byte(c.octets))
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q in %q: %q, %v; want %q, %v", c.octets, c.label, got, err, c.want, c.err)
		}
	}
}

// TestNamesAreKnown: every name that a program has been seen to write leads to an encoding.
func TestNamesAreKnown(t *testing.T) {
	for _, name := range []string{
		"iso-8859-2", "iso-8859-3", "iso-8859-4", "iso8859-5", "iso-8859-6", "iso_8859-7", "iso-8859-8-i", "iso-8859-9", "iso-8859-10", "iso-8859-11",
		"iso-8859-13", "iso-8859-14", "iso-8859-16", "windows-874", "windows-1250", "cp1253", "windows-1254", "windows-1255",
		"windows-1256", "windows-1257", "windows-1258", "koi8-u", "cp437", "cp852", "cp858", "cp866", "x-mac-cyrillic", "ansi", "ms_kanji", "ks_c_5601",
		"EUC_KR", "latin_1", "x-euc-jp", "iso-8859-6:1987",
	} {
		if got, err := Decode(name, []byte("abc")); got != "abc" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestShown(t *testing.T) {
	for name, want := range map[string]string{
		"utf-7": "utf-7", "a\r\nb": "(of a malformed name)", "0123456789012345678901234567890123456789x": "(of a malformed name)",
	} {
		if got := Shown(name); got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
	}
}
