package mailguntest

import (
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxOptionBytes = 16 << 10
	maxTagBytes    = 128
)

var (
	hoursMinutes = regexp.MustCompile(`^([0-9]{1,4}h)?([0-9]{1,4}m)?$`)
	timeOfDay    = regexp.MustCompile(`^(([01][0-9]|2[0-3]):[0-5][0-9]|(0[1-9]|1[0-2]):[0-5][0-9]([AaPp][Mm]))$`)
)

// options are the o: parameters that may come once, and what their values may be.
var options = map[string]func(string) bool{
	"dkim":                         yesOrNo,
	"secondary-dkim":               signingKey,
	"secondary-dkim-public":        signingKey,
	"deliver-within":               deliverWithin,
	"deliverytime":                 anything, // see deliveryTime
	"deliverytime-optimize-period": optimizePeriod,
	"time-zone-localize":           timeOfDay.MatchString,
	"testmode":                     func(s string) bool { return s == "yes" },
	"tracking":                     yesNoOrHTMLOnly,
	"tracking-clicks":              yesNoOrHTMLOnly,
	"tracking-opens":               yesOrNo,
	"tracking-pixel-location-top":  yesNoOrHTMLOnly,
	"require-tls":                  yesOrNo,
	"skip-verification":            yesOrNo,
	"sending-ip":                   func(s string) bool { return net.ParseIP(s) != nil },
	"sending-ip-pool":              notEmpty,
	"archive-to":                   webAddress,
	"suppress-headers":             notEmpty,
}

func anything(string) bool          { return true }
func notEmpty(s string) bool        { return s != "" }
func yesOrNo(s string) bool         { return slices.Contains([]string{"yes", "no", "true", "false"}, s) }
func yesNoOrHTMLOnly(s string) bool { return s == "htmlonly" || yesOrNo(s) }

// signingKey takes domain/selector.
func signingKey(s string) bool {
	domain, selector, ok := strings.Cut(s, "/")
	return ok && strings.Contains(domain, ".") && selector != ""
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// deliverWithin takes 30m, 1h30m and 24h: hours and minutes, between five minutes and a day.
func deliverWithin(s string) bool {
	d, ok := hoursAndMinutes(s)
	return ok && d >= 5*time.Minute && d <= 24*time.Hour
}

func optimizePeriod(s string) bool {
	d, ok := hoursAndMinutes(s)
	return ok && strings.HasSuffix(s, "h") && d >= 24*time.Hour && d <= 72*time.Hour
}

func hoursAndMinutes(s string) (time.Duration, bool) {
	if !hoursMinutes.MatchString(s) {
		return 0, false
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}

// checkOptions checks what the o:, h:, v: and t: parameters say and how much they say.
func (s *service) checkOptions(f *form) error {
	size := 0
	for _, p := range f.fields {
		if len(p.name) > 1 && p.name[1] == ':' {
			size += len(p.name) + len(p.value)
		}
	}
	if size > maxOptionBytes {
		return refuse("Send options (parameters starting with o:, h:, v:, or t:) are limited to 16KB total")
	}
	for _, check := range []func(*form) error{s.checkTags, checkValues, checkHeaders, checkTemplate} {
		if err := check(f); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) checkTags(f *form) error {
	tags := f.values("o:tag")
	if len(tags) > s.cfg.MaxTags {
		return refuse("o:tag parameter is limited to %d tags", s.cfg.MaxTags)
	}
	for _, tag := range tags {
		if tag == "" || len(tag) > maxTagBytes || !isASCII(tag) {
			return refuse("o:tag parameter must be ASCII, and %d characters at most", maxTagBytes)
		}
	}
	return nil
}

func checkValues(f *form) error {
	for _, p := range f.prefixed("o:") {
		if check := options[p.name]; check == nil || check(p.value) {
			continue
		}
		if strings.HasPrefix(p.name, "secondary-dkim") {
			return refuse("%.80q is not a valid secondary dkim domain name", p.value)
		}
		return refuse("o:%s parameter has the invalid value %.80q", p.name, p.value)
	}
	if f.has("o:secondary-dkim-public") && !f.has("o:secondary-dkim") {
		return refuse("o:secondary-dkim-public parameter needs o:secondary-dkim")
	}
	return nil
}

// checkHeaders checks the h: parameters by RFC 5322 section 2.2.
func checkHeaders(f *form) error {
	for _, p := range f.prefixed("h:") {
		if !isFieldName(p.name) {
			return refuse("Header name must be pure ASCII: %.80q", p.name)
		}
		if strings.ContainsAny(p.value, "\r\n\x00") {
			return refuse("Header %s has a line break in its value", p.name)
		}
	}
	return nil
}

func checkTemplate(f *form) error {
	for _, p := range f.prefixed("t:") {
		if f.value("template") == "" {
			return refuse("t:%s parameter needs template", p.name)
		}
		if p.name == "text" && p.value != "yes" {
			return refuse("t:text parameter has the invalid value %.80q", p.value)
		}
	}
	return nil
}

// deliveryTime reads o:deliverytime, an RFC 2822 date or Unix seconds.
func (s *service) deliveryTime(f *form) (time.Time, error) {
	value := f.value("o:deliverytime")
	if !f.has("o:deliverytime") {
		return time.Time{}, nil
	}
	at, err := mail.ParseDate(value)
	if seconds, errInt := strconv.ParseInt(value, 10, 64); errInt == nil {
		at, err = time.Unix(seconds, 0), nil
	}
	switch {
	case err != nil:
		return time.Time{}, refuse("o:deliverytime parameter is not an RFC-2822 compliant date: %.80q", value)
	case time.Until(at) > s.cfg.MaxSchedule:
		return time.Time{}, refuse("invalid delivery time: %s is more than %v ahead", value, s.cfg.MaxSchedule)
	}
	return at, nil
}

// isFieldName is the ftext of RFC 5322 section 3.6.8.
func isFieldName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' })
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
