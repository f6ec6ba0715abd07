package charset

import (
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// lookup returns the encoding of a canonical name, which has no underscores, or nil. The index that x/text has is
// that of web pages, which lacks what old mail programs wrote. UTF-7 is not known, here as in all programs that
// care about what text can hide.
func lookup(name string) encoding.Encoding {
	for _, family := range [...]func(string) encoding.Encoding{latin, windows, dos, asian, wide} {
		if e := family(name); e != nil {
			return e
		}
	}
	return nil
}

func latin(name string) encoding.Encoding {
	switch name {
	case "iso-8859-1":
		return charmap.ISO8859_1
	case "iso-8859-2", "latin2":
		return charmap.ISO8859_2
	case "iso-8859-3", "latin3":
		return charmap.ISO8859_3
	case "iso-8859-4", "latin4":
		return charmap.ISO8859_4
	case "iso-8859-5":
		return charmap.ISO8859_5
	case "iso-8859-6":
		return charmap.ISO8859_6
	case "iso-8859-7":
		return charmap.ISO8859_7
	case "iso-8859-8", "iso-8859-8-i":
		return charmap.ISO8859_8
	case "iso-8859-9", "latin5":
		return charmap.ISO8859_9
	case "iso-8859-10", "latin6":
		return charmap.ISO8859_10
	case "iso-8859-13":
		return charmap.ISO8859_13
	case "iso-8859-14":
		return charmap.ISO8859_14
	case "iso-8859-15", "latin9", "latin-9":
		return charmap.ISO8859_15
	case "iso-8859-16":
		return charmap.ISO8859_16
	}
	return nil
}

func windows(name string) encoding.Encoding {
	switch name {
	case "windows-874", "tis-620", "iso-8859-11":
		return charmap.Windows874
	case "windows-1250":
		return charmap.Windows1250
	case "windows-1251":
		return charmap.Windows1251
	case "windows-1252", "ansi":
		return charmap.Windows1252
	case "windows-1253":
		return charmap.Windows1253
	case "windows-1254":
		return charmap.Windows1254
	case "windows-1255":
		return charmap.Windows1255
	case "windows-1256":
		return charmap.Windows1256
	case "windows-1257":
		return charmap.Windows1257
	case "windows-1258":
		return charmap.Windows1258
	}
	return nil
}

func dos(name string) encoding.Encoding {
	switch name {
	case "koi8-r":
		return charmap.KOI8R
	case "koi8-u", "koi8-ru":
		return charmap.KOI8U
	case "ibm437", "cp437", "437":
		return charmap.CodePage437
	case "ibm850", "cp850", "850":
		return charmap.CodePage850
	case "ibm852", "cp852", "852":
		return charmap.CodePage852
	case "ibm858", "cp858", "ibm00858":
		return charmap.CodePage858
	case "ibm866", "cp866", "866":
		return charmap.CodePage866
	case "macintosh", "mac", "mac-roman":
		return charmap.Macintosh
	case "mac-cyrillic":
		return charmap.MacintoshCyrillic
	}
	return nil
}

func asian(name string) encoding.Encoding {
	switch name {
	case "iso-2022-jp", "csiso2022jp":
		return japanese.ISO2022JP
	case "shift-jis", "sjis", "ms932", "cp932", "windows-31j", "ms-kanji":
		return japanese.ShiftJIS
	case "euc-jp", "eucjp":
		return japanese.EUCJP
	case "euc-kr", "euckr", "ks-c-5601-1987", "ks-c-5601", "ksc5601", "cp949", "windows-949":
		return korean.EUCKR
	case "gb18030", "gbk", "gb2312", "gb-2312-80", "cp936", "windows-936", "euc-cn", "eucgb2312-cn", "gb2312-80":
		return simplifiedchinese.GB18030 // of which the others are subsets; eucgb2312_cn is what Python writes in headers
	case "hz-gb-2312", "hz":
		return simplifiedchinese.HZGB2312
	case "big5", "big-5", "big5-tw", "cn-big5", "big5-hkscs", "cp950", "windows-950":
		return traditionalchinese.Big5
	}
	return nil
}

func wide(name string) encoding.Encoding {
	switch name {
	case "utf-16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM) // RFC 2781 section 4.3
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case "utf-16le":
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	}
	return nil
}
