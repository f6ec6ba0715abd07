package dsn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/mailkeel/mailkeel/mailer"
)

// A URL is a connection string as a scheme's Open sees it: split, decoded and with
// its references resolved. Every way of printing it gives its redacted form.
type URL struct {
	placeholder
	scheme         *Scheme
	user, password value
	host           value
	port           int
	params         *Params
	common         Common
}

func (s *Scheme) newURL(ctx context.Context, p parts, at place) (*URL, error) {
	u := &URL{placeholder: placeholder(p.redacted(s.Name)), scheme: s}
	if err := p.check(); err != nil {
		return nil, err
	}
	var err error
	known := slices.Concat(commonParams, s.Params)
	if at.member > 0 {
		known = slices.Concat(known, routeParams)
	}
	// Parameters first: what is wrong with them shows best that a ? was not escaped.
	if u.params, err = newParams(ctx, p, known); err != nil {
		return nil, err
	}
	if err := u.readUserInfo(ctx, p); err != nil {
		return nil, err
	}
	if err := u.readHost(ctx, p); err != nil {
		return nil, err
	}
	u.common = u.params.readCommon()
	return u, nil
}

func (u *URL) readUserInfo(ctx context.Context, p parts) error {
	if !p.hasUserInfo {
		return nil
	}
	user, password, hasPassword := p.userInfo.cut(":")
	var err error
	if u.user, err = resolve(ctx, user.raw); err != nil {
		return placeError("user", err)
	}
	if _, err = u.user.text(); err != nil {
		return placeError("user", err)
	}
	if hasPassword {
		if u.password, err = resolve(ctx, password.raw); err != nil {
			return placeError("password", err)
		}
	}
	return nil
}

func (u *URL) readHost(ctx context.Context, p parts) error {
	host, port, hasPort, err := p.hostPort()
	if err != nil {
		return err
	}
	if host == "" {
		return formError("missing host", u.scheme.Form)
	}
	written, err := resolve(ctx, host)
	if err != nil {
		return placeError("host", err)
	}
	if host, err = checkHost(written.now.Reveal()); err != nil {
		return err
	}
	u.host = newValue(host)
	if hasPort {
		u.port, err = readPort(ctx, port)
	}
	return err
}

func readPort(ctx context.Context, raw string) (int, error) {
	if raw == "" {
		return 0, errPort
	}
	v, err := resolve(ctx, raw)
	if err != nil {
		return 0, placeError("port", err)
	}
	return parsePort(v.now.Reveal())
}

func parsePort(s string) (int, error) {
	port, err := strconv.ParseUint(s, 10, 16)
	if err != nil || port == 0 {
		return 0, errPort
	}
	return int(port), nil
}

const maxHost = 253 // RFC 1035 section 2.3.4, as text

// checkHost returns host without brackets.
func checkHost(host string) (string, error) {
	if inner, found := strings.CutPrefix(host, "["); found {
		inner, found = strings.CutSuffix(inner, "]")
		if addr, err := netip.ParseAddr(inner); err != nil || !found || !addr.Is6() || !isZone(addr.Zone()) {
			return "", errHost
		}
		return inner, nil
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > maxHost {
		return "", errHost
	}
	for label := range strings.SplitSeq(name, ".") {
		if !isHostLabel(label) {
			return "", errHost
		}
	}
	return host, nil
}

// isHostLabel allows _ as well, which names of containers have.
func isHostLabel(label string) bool {
	for i := range len(label) {
		if c := label[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-'
}

// isZone allows the names of interfaces, and none.
func isZone(zone string) bool {
	for i := range len(zone) {
		if !isUnreserved(zone[i]) {
			return false
		}
	}
	return true
}

// Scheme returns the scheme's name.
func (u *URL) Scheme() string { return u.scheme.Name }

// User returns the user; empty when there is none.
func (u *URL) User() string { return u.user.now.Reveal() }

// Password returns the password; nil when there is none.
func (u *URL) Password() mailer.SecretSource { return u.password.source }

// Key returns the user information of a scheme where that is one secret, as in
// sendgrid://KEY@default. It is an error when there is none or it has two parts.
func (u *URL) Key() (mailer.SecretSource, error) {
	switch {
	case !u.user.isSet():
		return nil, formError("no key before an @", u.scheme.Form)
	case u.password.isSet():
		return nil, errors.New("only a key stands before the @; a : in it is written %3A")
	}
	return u.user.source, nil
}

// Host returns the host, without the brackets of an IPv6 address. It is "default"
// when the provider's own is meant.
func (u *URL) Host() string { return u.host.now.Reveal() }

// IsDefaultHost reports whether the provider's own host is meant.
func (u *URL) IsDefaultHost() bool { return u.Host() == "default" }

// Port returns the port; zero when there is none.
func (u *URL) Port() int { return u.port }

// HTTPBase returns the base URL of an API, https://host or https://host:port; insecure makes it
// http. It is empty when the provider's own host is meant, which takes neither.
func (u *URL) HTTPBase(insecure bool) (string, error) {
	switch {
	case !u.IsDefaultHost():
	case u.port != 0 || insecure:
		return "", errors.New("the host default takes neither a port nor insecure=true")
	default:
		return "", nil
	}
	host := u.Host()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if u.port != 0 {
		host = net.JoinHostPort(u.Host(), strconv.Itoa(u.port))
	}
	if insecure {
		return "http://" + host, nil
	}
	return "https://" + host, nil
}

// Params returns the parameters that the scheme named.
func (u *URL) Params() *Params { return u.params }

// Common returns the parameters that every scheme takes.
func (u *URL) Common() Common { return u.common }
