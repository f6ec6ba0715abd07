package acs

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// ParseConnectionString takes apart the connection string that the Azure portal shows on a
// resource's page "Keys":
//
//	endpoint=https://contoso.communication.azure.com/;accesskey=BASE64
//
// The names of the parts are not case-sensitive, and either part may come first. Both must be
// there, and nothing else. The results are as [Config] takes them: endpoint has no slash at
// its end, and key is still in base64. An error repeats nothing of s.
func ParseConnectionString(s string) (endpoint string, key mailer.Secret, err error) {
	p, err := cutPortalForm(s)
	if err == nil {
		endpoint, err = p.httpsEndpoint()
	}
	if err == nil {
		err = p.checkKey()
	}
	if err != nil {
		return "", mailer.Secret{}, fmt.Errorf("acs: connection string: %w", err)
	}
	return endpoint, mailer.NewSecret(p.key), nil
}

// portalForm is a portal's connection string as it was written; what is missing is empty.
type portalForm struct{ endpoint, key string }

func cutPortalForm(s string) (p portalForm, err error) {
	s = strings.TrimSuffix(strings.TrimSpace(s), ";")
	number := 0
	for part := range strings.SplitSeq(s, ";") {
		number++
		// At the first =, for the key may end in one.
		name, value, _ := strings.Cut(part, "=")
		field := p.field(name)
		switch {
		case field == nil:
			// Not shown: a part whose name was left out may be the key.
			return portalForm{}, fmt.Errorf("part %d is neither endpoint=... nor accesskey=...", number)
		case *field != "":
			return portalForm{}, fmt.Errorf("part %d is a repetition", number)
		}
		if *field = strings.TrimSpace(value); *field == "" {
			return portalForm{}, fmt.Errorf("part %d is empty", number)
		}
	}
	return p, nil
}

func (p *portalForm) field(name string) *string {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "endpoint":
		return &p.endpoint
	case "accesskey":
		return &p.key
	}
	return nil
}

const httpsPrefix = "https://"

// httpsEndpoint returns the endpoint without the slash at its end.
func (p *portalForm) httpsEndpoint() (string, error) {
	if p.endpoint == "" {
		return "", errors.New("no endpoint=... in it")
	}
	if !hasPrefixFold(p.endpoint, httpsPrefix) {
		return "", errors.New("the endpoint does not begin with https://")
	}
	authority := strings.TrimSuffix(p.endpoint[len(httpsPrefix):], "/")
	if !isAuthority(authority) {
		return "", errors.New("the endpoint is not https://, a host, and nothing but a port behind it")
	}
	return httpsPrefix + authority, nil
}

// authorityForm is a name or an IPv6 address, and a port.
var authorityForm = regexp.MustCompile(`^(?:(` + labelForm + `(?:\.` + labelForm + `)*)|\[([0-9A-Fa-f:.]+)\])(?::([1-9][0-9]{0,4}))?$`)

const (
	labelForm = `[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?`
	maxHost   = 253 // RFC 1035 section 2.3.4, as text
)

// isAuthority takes what package dsn takes, but for a dot at the end of a name.
func isAuthority(s string) bool {
	match := authorityForm.FindStringSubmatch(s)
	if match == nil {
		return false
	}
	name, ipv6, port := match[1], match[2], match[3]
	if ipv6 != "" {
		if addr, err := netip.ParseAddr(ipv6); err != nil || !addr.Is6() {
			return false
		}
	}
	_, err := strconv.ParseUint(port, 10, 16)
	return len(name) <= maxHost && (port == "" || err == nil)
}

func (p *portalForm) checkKey() error {
	if p.key == "" {
		return errors.New("no accesskey=... in it")
	}
	_, err := decodeKey(p.key)
	return err
}

// minKeyBytes is well below the keys that Azure makes, and above what slips in by mistake.
const minKeyBytes = 16

// decodeKey decodes an access key from base64 (RFC 4648 section 4). The error repeats nothing of it.
func decodeKey(key string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(key)
	switch {
	case strings.ContainsAny(key, " \t\r\n"): // line ends the decoder passes over
		return nil, errors.New("the access key is not base64: white space or a line end is part of it")
	case err != nil:
		return nil, errors.New("the access key is not base64")
	case len(raw) < minKeyBytes:
		return nil, fmt.Errorf("the access key has fewer than %d bytes: is all of it there?", minKeyBytes)
	}
	return raw, nil
}

// rewrite turns the portal's form into acs://host?key=BASE64, for [dsn.Scheme.Rewrite]. What
// is malformed becomes a string that cannot be opened: with the default host, which there is not, where the
// host or the whole is wrong, without a key where there is none, and with the wrong key otherwise.
func rewrite(s string) (own string, ok bool) {
	if !hasPortalForm(s) {
		return "", false
	}
	p, err := cutPortalForm(s)
	if err != nil {
		return "acs://default", true
	}
	endpoint, _ := p.httpsEndpoint()
	own = "acs://" + cmp.Or(strings.TrimPrefix(endpoint, httpsPrefix), "default")
	if p.key != "" {
		own += "?key=" + written(p.key)
	}
	return own, true
}

// written is a key as the value of a parameter. A reference to one stays as it is, for package dsn to resolve.
func written(key string) string {
	if strings.HasPrefix(key, "${") && strings.IndexByte(key, '}') == len(key)-1 {
		return key
	}
	return dsn.Escape(key)
}

func hasPortalForm(s string) bool {
	s = strings.TrimSpace(s)
	return hasPrefixFold(s, "endpoint=") || hasPrefixFold(s, "accesskey=")
}

// hasPrefixFold is strings.HasPrefix for an ASCII prefix in either case.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
