package mailgun

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer"
)

// toJSON returns v as JSON. The error names what v is and not what is in it.
func toJSON(field string, v any) (string, error) {
	b, err := json.Marshal(v)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %s holds what JSON cannot express", mailer.ErrInvalidMessage, field)
	case !utf8.Valid(b) || hasReplacement(string(b)):
		return "", fmt.Errorf("%w: %s holds a text that is not valid UTF-8", mailer.ErrInvalidMessage, field)
	}
	return string(b), nil
}

// hasReplacement reports whether package json put U+FFFD, as an escape, for octets that are not UTF-8. A
// character U+FFFD of the text itself it does not escape.
func hasReplacement(text string) bool {
	for {
		i := strings.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		text = text[i+1:]
		if strings.HasPrefix(text, "ufffd") {
			return true
		}
		text = text[1:] // it may be a backslash
	}
}
