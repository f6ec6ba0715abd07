package mailer

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is a mailbox: a display name, which may be empty, and an addr-spec of RFC
// 5322. [Prepare] checks and re-serialises it; nothing passes through as it was given.
//
// Refused are: what RFC 5321 section 4.5.3.1 calls too long (a local part over 64
// octets, an address over 254), quoted local parts, encoded words, source routes,
// percent and bang routing, domain literals, and control characters. The domain may
// be international (IDNA 2008) and is sent in its ASCII form. A local part outside
// ASCII needs a provider with [FeatureUTF8].
type Address = mail.Address

const (
	maxLocalPart    = 64
	maxDomain       = 253
	maxAddress      = 254
	maxDisplayName  = 320
	maxAddressList  = 8 << 10
	maxDomainLabels = 63
)

// Addresses parses a list as it stands in a header field: "Ann <ann@example.com>,
// bob@example.com". The list may have at most 8 KiB; each address is checked as [Prepare]
// does. The error names the place in the list, not its content.
func Addresses(list string) ([]Address, error) {
	if len(list) > maxAddressList {
		return nil, fmt.Errorf("mailer: address list is longer than %d bytes", maxAddressList)
	}
	if err := checkText(list); err != nil {
		return nil, fmt.Errorf("mailer: address list %w", err)
	}
	parsed, err := mail.ParseAddressList(list)
	if err != nil {
		return nil, errors.New("mailer: address list is not of the form \"Name <local@domain>, local@domain\"")
	}
	addresses := make([]Address, len(parsed))
	for i, a := range parsed {
		if addresses[i], err = checkAddress(*a); err != nil {
			return nil, fmt.Errorf("mailer: address %d of the list %w", i+1, err)
		}
	}
	return addresses, nil
}

// checkAddress returns a in the form in which it is sent. Its errors continue a
// sentence that begins with the address's place and never repeat the address.
func checkAddress(a Address) (Address, error) {
	if len(a.Name) > maxDisplayName {
		return a, fmt.Errorf("has a display name longer than %d bytes", maxDisplayName)
	}
	if err := checkText(a.Name); err != nil {
		return a, fmt.Errorf("has a display name that %w", err)
	}
	spec, err := checkAddrSpec(a.Address)
	return Address{Name: a.Name, Address: spec}, err
}

// checkAddrSpec returns spec with its domain in ASCII.
func checkAddrSpec(spec string) (string, error) {
	if spec == "" {
		return "", errors.New("is empty")
	}
	if len(spec) > maxAddress {
		return "", fmt.Errorf("is longer than %d bytes", maxAddress)
	}
	at := strings.LastIndexByte(spec, '@')
	if at < 0 {
		return "", errors.New("has no @")
	}
	if err := checkLocalPart(spec[:at]); err != nil {
		return "", err
	}
	domain, err := asciiDomain(spec[at+1:])
	if err != nil {
		return "", err
	}
	if domain == spec[at+1:] {
		return spec, nil
	}
	if spec = spec[:at+1] + domain; len(spec) > maxAddress {
		return "", fmt.Errorf("is longer than %d bytes with its domain in ASCII", maxAddress)
	}
	return spec, nil
}

// checkLocalPart accepts a dot-atom of RFC 5322 section 3.2.3, widened by RFC 6531
// to UTF-8, less the characters that relays have routed by.
func checkLocalPart(local string) error {
	switch {
	case local == "":
		return errors.New("has nothing before the @")
	case len(local) > maxLocalPart:
		return fmt.Errorf("has more than %d bytes before the @", maxLocalPart)
	case local[0] == '"':
		return errors.New("has a quoted local part, which is not sent")
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return errors.New("has a misplaced dot before the @")
	case strings.Contains(local, "=?"):
		return errors.New("has an encoded word before the @")
	case strings.IndexByte(local, '%') >= 0 || strings.IndexByte(local, '!') >= 0:
		return errors.New("has % or ! before the @, which relays may route by")
	}
	for _, r := range local {
		if r == utf8.RuneError {
			return errors.New("is not valid UTF-8")
		}
		if isControl(r) {
			return errors.New("has a control character")
		}
		if r < utf8.RuneSelf && r != '.' && !isAtext(byte(r)) || isSpaceOrFormat(r) {
			return errors.New("has a character before the @ that is not allowed there")
		}
	}
	return nil
}

// asciiDomain checks domain and returns it unchanged when it is plain ASCII, else
// in the ASCII form of IDNA 2008.
func asciiDomain(domain string) (string, error) {
	if domain == "" {
		return "", errors.New("has nothing after the @")
	}
	if !isPlainDomain(domain) {
		ascii, err := internationalDomain(domain)
		if err != nil {
			return "", err
		}
		domain = ascii
	}
	if len(domain) > maxDomain {
		return "", errDomain
	}
	for rest, more := domain, true; more; {
		var label string
		label, rest, more = strings.Cut(rest, ".")
		if label == "" || len(label) > maxDomainLabels || label[0] == '-' || label[len(label)-1] == '-' {
			return "", errDomain
		}
	}
	return domain, nil
}

var errDomain = errors.New("has a domain that is not valid")

// internationalDomain returns the ASCII form of domain. Package idna follows UTS #46,
// which drops invisible characters, encodes bytes that are not UTF-8 as U+FFFD and
// takes symbols, some of which look like a slash or a dot; IDNA 2008 refuses all of
// these (RFC 5892), in the form given as in the form encoded.
func internationalDomain(domain string) (string, error) {
	if len(domain) > maxDomain || !isDomainText(domain) {
		return "", errDomain
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil {
		return "", errDomain
	}
	if shown, err := idna.Lookup.ToUnicode(ascii); err != nil || !isDomainText(shown) {
		return "", errDomain
	}
	return ascii, nil
}

// isDomainText reports whether s has only what RFC 5892 lets labels be made of, and
// the dots of other scripts.
func isDomainText(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf: // idna checks these
		case unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !isInvisibleLetter(r):
		case strings.ContainsRune("\u3002\uff0e\uff61\u00b7\u30fb\u0375\u05f3\u05f4\u200c\u200d", r):
		default:
			return false
		}
	}
	return true
}

// isPlainDomain reports whether domain consists of letters, digits, hyphens and
// dots, without a punycode label, so that IDNA has nothing to say about it.
func isPlainDomain(domain string) bool {
	for i := range len(domain) {
		c := lower(domain[i])
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return false
		}
		if c == '-' && i >= 3 && domain[i-1] == '-' && lower(domain[i-2]) == 'n' && lower(domain[i-3]) == 'x' {
			return false
		}
	}
	return true
}

// isAtext is atext of RFC 5322 section 3.2.3.
func isAtext(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// sameMailbox compares two addr-specs, the domain without regard to case.
func sameMailbox(a, b string) bool {
	if len(a) != len(b) {
		return a == b
	}
	at := strings.LastIndexByte(a, '@')
	return at >= 0 && a[:at] == b[:at] && equalFold(a[at:], b[at:])
}

func envelopeKey(spec string) string {
	at := strings.LastIndexByte(spec, '@')
	if at < 0 {
		return spec
	}
	return spec[:at] + strings.ToLower(spec[at:])
}
