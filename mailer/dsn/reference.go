package dsn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailkeel/mailkeel/mailer"
)

// A value is what stands in one place of the string, decoded and resolved. It is a
// [mailer.Secret] wherever it stands, for nobody knows where a malformed string has
// its password. The zero value is absent; a value that is present is not empty.
type value struct {
	now    mailer.Secret       // as of Open
	source mailer.SecretSource // the same, or the file that it is read from
}

func newValue(s string) value {
	secret := mailer.NewSecret(s)
	return value{secret, secret}
}

func (v value) isSet() bool { return v.source != nil }

// text returns the value for a place that is no secret's.
func (v value) text() (string, error) {
	s := v.now.Reveal()
	switch {
	case !utf8.ValidString(s):
		return "", errors.New("is not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", errors.New("has a control character")
	}
	return s, nil
}

// resolve returns the value that is written as raw.
func resolve(ctx context.Context, raw string) (value, error) {
	if raw == "" {
		return value{}, errors.New("is empty")
	}
	ref, err := parseReference(raw)
	switch {
	case err != nil:
		return value{}, err
	case ref.path != "":
		file := mailer.SecretFile(ref.path)
		now, err := file.Secret(ctx)
		return value{now, file}, err
	case ref.env != "":
		s, err := lookupEnv(ref.env)
		return newValue(s), err
	}
	s, err := unescape(raw)
	return newValue(s), err
}

// resolveWhole returns what s stands for when it is one reference, otherwise s.
func resolveWhole(ctx context.Context, s string) (string, error) {
	if !isReference(s) {
		return s, nil
	}
	v, err := resolve(ctx, s)
	if err != nil {
		return "", err
	}
	if s = v.now.Reveal(); isReference(s) {
		return "", errors.New("a reference leads to another reference")
	}
	return s, nil
}

// A reference names where a value is kept; the zero reference stands for a value
// that is written out.
type reference struct{ env, path string }

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func isReference(raw string) bool {
	return strings.HasPrefix(raw, "${") && strings.IndexByte(raw, '}') == len(raw)-1
}

func parseReference(raw string) (reference, error) {
	if !strings.Contains(raw, "${") {
		return reference{}, nil
	}
	if !isReference(raw) {
		return reference{}, errors.New("a reference stands for a whole value, not for part of one; a literal ${ is written %24{")
	}
	name := raw[2 : len(raw)-1]
	if path, isFile := strings.CutPrefix(name, "file:"); isFile && path != "" {
		return reference{path: path}, nil
	}
	if !envName.MatchString(name) {
		return reference{}, errors.New("a reference is ${NAME} of an environment variable or ${file:PATH}")
	}
	return reference{env: name}, nil
}

func lookupEnv(name string) (string, error) {
	s, found := os.LookupEnv(name)
	switch {
	case !found:
		return "", fmt.Errorf("environment variable %s is not set", name)
	case s == "":
		return "", fmt.Errorf("environment variable %s is empty", name)
	}
	return s, nil
}
