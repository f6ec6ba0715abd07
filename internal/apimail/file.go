package apimail

import (
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer"
)

// FileOf returns the media type and the name of a, which may stand in the type alone.
// [mailer.Prepare] mended Name; what it would have mended is refused in the type.
func FileOf(a *mailer.Attachment) (kind, name string, err error) {
	kind, name, err = BareType(a.ContentType)
	switch {
	case err != nil:
		return "", "", err
	case name == "" || name == a.Name:
		return kind, a.Name, nil
	case a.Name != "":
		return "", "", Unsupported("two file names: Name and that in the content type differ")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, isNotInName):
		return "", "", Unsupported("the file name in a content type, with a character that is not for names")
	}
	return kind, name, nil
}

// isNotInName: separators of folders, controls, and what reorders the text around it.
func isNotInName(r rune) bool {
	return r == '/' || r == '\\' || unicode.In(r, unicode.Cc, unicode.Cf)
}

// BareType returns a media type without parameters, which such APIs do not take, and the one called
// name. A charset can be left out where it is UTF-8, which text is taken for; others cannot.
func BareType(contentType string) (kind, name string, err error) {
	if !strings.ContainsRune(contentType, ';') {
		return strings.ToLower(strings.TrimSpace(contentType)), "", nil
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", "", Unsupported("a content type that cannot be understood")
	}
	for param, value := range params {
		known := param == "name" || param == "charset" && (strings.EqualFold(value, "utf-8") || strings.EqualFold(value, "us-ascii"))
		if !known {
			return "", "", Unsupported("the parameter %q of a content type, with its value", param)
		}
	}
	return kind, params["name"], nil
}
