package dsn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// recorder is a Sender that keeps what it was given.
type recorder struct {
	sent   []*mailer.Message
	closed int
}

func (r *recorder) Send(_ context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	r.sent = append(r.sent, msg)
	return &mailer.Receipt{Outcome: mailer.Accepted}, nil
}

func (r *recorder) Close(context.Context) error {
	r.closed++
	return nil
}

// testMux has two schemes, smtp and key, that hand the URL they are given to seen.
func testMux(seen func(*dsn.URL)) dsn.Mux {
	open := func(_ context.Context, u *dsn.URL) (mailer.Sender, error) {
		if seen != nil {
			seen(u)
		}
		return &recorder{}, nil
	}
	params := []string{"pool", "mode", "token"}
	smtp := dsn.Scheme{Name: "smtp", Form: "smtp://user:pass@host:587", Params: params, Open: open}
	key := dsn.Scheme{Name: "key", Form: "key://KEY@default", Params: params, Open: func(ctx context.Context, u *dsn.URL) (mailer.Sender, error) {
		if _, err := u.Key(); err != nil {
			return nil, err
		}
		return open(ctx, u)
	}}
	return dsn.Mux{dsn.Schemes{smtp}, dsn.Schemes{key}}
}

func reveal(t *testing.T, source mailer.SecretSource) string {
	t.Helper()
	if source == nil {
		return ""
	}
	s, err := source.Secret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Reveal()
}

// fields flattens what an adapter can see into one line.
func fields(t *testing.T, u *dsn.URL) string {
	t.Helper()
	p, c := u.Params(), u.Common()
	line := fmt.Sprintf("%s user=%s pass=%s host=%s port=%d", u.Scheme(), u.User(), reveal(t, u.Password()), u.Host(), u.Port())
	if u.IsDefaultHost() {
		line += " default"
	}
	if c != (dsn.Common{}) {
		line += fmt.Sprintf(" name=%s timeout=%v strict=%v", c.Name, c.Timeout, c.Strict)
	}
	if p.Has("pool") {
		line += fmt.Sprintf(" pool=%d", p.Int("pool", 0))
	}
	if p.Has("mode") {
		line += " mode=" + p.String("mode", "")
	}
	if p.Has("token") {
		line += " token=" + reveal(t, p.Secret("token"))
	}
	return line
}

func TestOpenGood(t *testing.T) {
	t.Setenv("DSN_HOST", "mail.example.com")
	t.Setenv("DSN_PORT", "2525")
	t.Setenv("DSN_PASSWORD", "p&a?s#s%41 @${X}/(")
	t.Setenv("DSN_WHOLE", "smtp://u:${DSN_PASSWORD}@h")
	for _, test := range []struct{ in, want string }{
		{"smtp://user:pass@host:587", "smtp user=user pass=pass host=host port=587"},
		{"smtp://localhost:2525", "smtp user= pass= host=localhost port=2525"},
		{" \tsmtp://user:pass@host\r\n", "smtp user=user pass=pass host=host port=0"},
		{"smtp://user@host", "smtp user=user pass= host=host port=0"},
		{"smtp://host?", "smtp user= pass= host=host port=0"},
		{"smtp://u:p@ss/w#@host", "smtp user=u pass=p@ss/w# host=host port=0"},
		{"smtp://ann@example.com:a:b@host", "smtp user=ann@example.com pass=a:b host=host port=0"},
		{"smtp://u:a+b/c=d|e&f;g,h!*'~@host", "smtp user=u pass=a+b/c=d|e&f;g,h!*'~ host=host port=0"},
		{"smtp://u%3a:%20%28%29%3F%25%c3%a9@host", "smtp user=u: pass= ()?%é host=host port=0"},
		{"smtp://u:é%ff@host", "smtp user=u pass=é\xff host=host port=0"},
		{"smtp://u:%24{X}@host", "smtp user=u pass=${X} host=host port=0"},
		{"smtp://u:a$b{c}@host", "smtp user=u pass=a$b{c} host=host port=0"},
		{"smtp://[::1]:25", "smtp user= pass= host=::1 port=25"},
		{"smtp://u:p@[2001:db8::1]", "smtp user=u pass=p host=2001:db8::1 port=0"},
		{"smtp://[fe80::1%25eth0]:25", "smtp user= pass= host=fe80::1%eth0 port=25"},
		{"smtp://192.0.2.1:25", "smtp user= pass= host=192.0.2.1 port=25"},
		{"smtp://my_relay.example.com.:25", "smtp user= pass= host=my_relay.example.com. port=25"},
		{"key://SG.a-b_c@default", "key user=SG.a-b_c pass= host=default port=0 default"},
		{"key://SG.a@default:8080", "key user=SG.a pass= host=default port=8080 default"},
		{
			"smtp://h?timeout=1m30s&name=primary&strict=true",
			"smtp user= pass= host=h port=0 name=primary timeout=1m30s strict=true",
		},
		{"smtp://h?pool=-1&mode=a/b+c=d|e@f?g", "smtp user= pass= host=h port=0 pool=-1 mode=a/b+c=d|e@f?g"},
		{"smtp://h?token=x%26y%23", "smtp user= pass= host=h port=0 token=x&y#"},
		{"smtp://${DSN_HOST}:${DSN_PORT}", "smtp user= pass= host=mail.example.com port=2525"},
		{"smtp://${DSN_HOST}:${DSN_PASSWORD}@h", "smtp user=mail.example.com pass=p&a?s#s%41 @${X}/( host=h port=0"},
		{"smtp://h?token=${DSN_PASSWORD}&pool=3", "smtp user= pass= host=h port=0 pool=3 token=p&a?s#s%41 @${X}/("},
		{" ${DSN_WHOLE}\n", "smtp user=u pass=p&a?s#s%41 @${X}/( host=h port=0"},
	} {
		t.Run(test.in, func(t *testing.T) {
			got := ""
			if _, err := testMux(func(u *dsn.URL) { got = fields(t, u) }).Open(t.Context(), test.in); err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestOpenBad(t *testing.T) {
	const (
		known  = "known are ca_file, from, mode, name, pool, strict, timeout, token"
		host   = "bad host: expected a name, an IPv4 address, or an IPv6 address in brackets"
		port   = "bad port: expected a number from 1 to 65535 (an IPv6 address stands in brackets)"
		escape = "a % is followed by two hexadecimal digits, and stands for itself as %25"
		space  = "a space, ( or ) inside a value is written %20, %28 or %29"
		path   = "nothing but ? and parameters may follow the host, no path"
		hash   = "no fragment may follow the host; inside a parameter # is written %23"
		part   = "a reference stands for a whole value, not for part of one; a literal ${ is written %24{"
		ref    = "a reference is ${NAME} of an environment variable or ${file:PATH}"
		late   = "; a ? in a password is written %3F"
	)
	t.Setenv("DSN_EMPTY", "")
	t.Setenv("DSN_OTHER", "${DSN_EMPTY}")
	t.Setenv("DSN_LINES", "a\nb")
	for _, test := range []struct{ in, want string }{
		{"", "empty: set MAILER_URL, for example to smtp://user:pass@host:587"},
		{" \n", "empty: set MAILER_URL, for example to smtp://user:pass@host:587"},
		{"failover(smtp://a,smtp://b)", "member 1: a comma stands behind the host: spaces alone separate the members of a composite"},
		{"failover(smtp://u:a,b@a, smtp://b)", "member 1: a comma stands behind the host: spaces alone separate the members of a composite"},
		{"user:pass@host", "unknown scheme: known are key, smtp"},
		{"://h", "unknown scheme: known are key, smtp"},
		{"smtps://user:pass@host", `unknown scheme "smtps": known are key, smtp`},
		{"SMTP://user:pass@host", "unknown scheme: known are key, smtp"},
		{"3*smtp://a", "a weight such as 3* stands before a member of weighted(...) and nowhere else"},
		{"smtp://u@h?tags=a", `parameter "tags": is for a member of failover(...), roundrobin(...) or weighted(...)`},
		{"smtp://h?max_in_flight=3", `parameter "max_in_flight": is for a member of failover(...), roundrobin(...) or weighted(...)`},
		{"smtp://u@h?rest=3s", `parameter "rest": is for failover(...), roundrobin(...) and weighted(...), after the )`},
		{"smtp://", "missing host: the form is smtp://user:pass@host:587"},
		{"smtp://u:p@", "missing host: the form is smtp://user:pass@host:587"},
		{"smtp://u:p@?timeout=5s", "missing host: the form is smtp://user:pass@host:587"},
		{"smtp://:25", "missing host: the form is smtp://user:pass@host:587"},
		{"smtp://@host", "user: is empty"},
		{"smtp://:pass@host", "user: is empty"},
		{"smtp://user:@host", "password: is empty"},
		{"smtp://u%0a:p@host", "user: has a control character"},
		{"smtp://u%ff:p@host", "user: is not valid UTF-8"},
		{"smtp://u%4:p@host", "user: " + escape},
		{"smtp://u:p%4@host", "password: " + escape},
		{"smtp://u:p%@host", "password: " + escape},
		{"smtp://u:p%g0@host", "password: " + escape},
		{"smtp://ho%zzst", "host: " + escape},
		{"smtp://host:", port},
		{"smtp://host:0", port},
		{"smtp://host:65536", port},
		{"smtp://host:+25", port},
		{"smtp://host:25:26", port},
		{"smtp://::1", port},
		{"smtp://[::1", host},
		{"smtp://[::1]25", host},
		{"smtp://[host]", host},
		{"smtp://[192.0.2.1]", host},
		{"smtp://[fe80::1%25eth%200]", host},
		{"smtp://ho..st", host},
		{"smtp://-host", host},
		{"smtp://ho%0ast", host},
		{"smtp://höst", host},
		{"smtp://" + strings.Repeat("a", 64), host},
		{"smtp://" + strings.Repeat("a.", 127) + "a", host},
		{"smtp://host/", path},
		{"smtp://u:p@host:25/path?timeout=5s", path},
		{"smtp://host#", hash},
		{"smtp://host?mode=a#b", hash},
		{"smtp://user:pa ss@h", space},
		{"smtp://user:pa(ss@h", space},
		{"smtp://user:pass@h?mode=a)", space},
		{"smtp://user:pass@ho st", space},
		{"smtp://user:pa\nss@host", "has a line end or another control character, which inside a value is written as %XX"},
		{`"smtp://user:pass@host"`, "begins with a quotation mark: leave the quotes out, which are for a shell"},
		{"'smtp://user:pass@host'", "begins with a quotation mark: leave the quotes out, which are for a shell"},
		{"smtp://u@h?tiemout=5s", `unknown parameter "tiemout": ` + known},
		{"smtp://u@h?mode=a&from=a@example.com&x=y", "unknown parameter 3: " + known},
		{"smtp://u@h?mode=a&from=a%40example.com&x=y", `unknown parameter "x": ` + known},
		{"smtp://u@h?Timeout=5s", "unknown parameter 1: " + known},
		{"smtp://h?timeout=5s&tiemout=5s", "unknown parameter 2: " + known},
		{"smtp://u@h?timeout=5s&", "unknown parameter 2: " + known},
		{"smtp://u@h?timeout=5s&timeout=6s", `repeated parameter "timeout": ` + known},
		{"smtp://h?timeout", `parameter "timeout": is empty`},
		{"smtp://h?timeout=", `parameter "timeout": is empty`},
		{"smtp://h?timeout=5", `parameter "timeout": is not a duration above zero, such as 5s`},
		{"smtp://h?timeout=0s", `parameter "timeout": is not a duration above zero, such as 5s`},
		{"smtp://h?timeout=-5s", `parameter "timeout": is not a duration above zero, such as 5s`},
		{"smtp://h?strict=1", `parameter "strict": is not true or false`},
		{"smtp://h?name=%0a", `parameter "name": has a control character`},
		{"smtp://h?name=%", `parameter "name": ` + escape},
		{"smtp://u@h?from=example.com", `parameter "from": mailer: address list is not of the form "Name <local@domain>, local@domain"`},
		{"smtp://u@h?from=a@example.com,b@example.com", `parameter "from": is more than one address`},
		{"smtp://u:p?ss@host", "unknown parameter 1: " + known + late},
		{"smtp://u:p?mode=ss@host", port + late},
		{"smtp://u:p/w?mode=ss@host", path + late},
		{"smtp://h:0?from=a@example.com", port},
		{"key://KE?timeout=1s@default", `parameter "timeout": is not a duration above zero, such as 5s` + late},
		{"key://KE?name=Y@default", "no key before an @: the form is key://KEY@default" + late},
		{"smtp://u:a@b?c@host", "unknown parameter 1: " + known},
		{"smtp://u:a@b?c&d@host", "unknown parameter 1: " + known},
		{"key://default", "no key before an @: the form is key://KEY@default"},
		{"key://a:b@default", "only a key stands before the @; a : in it is written %3A"},
		{"smtp://u:${DSN_UNSET}@h", "password: environment variable DSN_UNSET is not set"},
		{"smtp://u:${DSN_EMPTY}@h", "password: environment variable DSN_EMPTY is empty"},
		{"smtp://${DSN_UNSET}@h", "user: environment variable DSN_UNSET is not set"},
		{"smtp://${DSN_UNSET}:25", "host: environment variable DSN_UNSET is not set"},
		{"smtp://h:${DSN_UNSET}", "port: environment variable DSN_UNSET is not set"},
		{"smtp://h:${DSN_OTHER}", port},
		{"smtp://${DSN_OTHER}", host},
		{"smtp://${DSN_LINES}@h", "user: has a control character"},
		{"smtp://h?mode=${DSN_UNSET}", `parameter "mode": environment variable DSN_UNSET is not set`},
		{"smtp://u:pre${DSN_OTHER}@h", "password: " + part},
		{"smtp://u:${DSN_OTHER}${DSN_OTHER}@h", "password: " + part},
		{"smtp://u:${DSN_OTHER@h", "password: " + part},
		{"smtp://u:${}@h", "password: " + ref},
		{"smtp://u:${file:}@h", "password: " + ref},
		{"smtp://u:${1A}@h", "password: " + ref},
		{"${DSN_UNSET}", "environment variable DSN_UNSET is not set"},
		{"${DSN_OTHER}", "a reference leads to another reference"},
	} {
		t.Run(test.in, func(t *testing.T) {
			sender, err := testMux(func(u *dsn.URL) { fields(t, u) }).Open(t.Context(), test.in)
			if err == nil {
				t.Fatalf("opened %v, want the error %q", sender, test.want)
			}
			if got := err.Error(); got != "connection string: "+test.want {
				t.Errorf("got  %s\nwant connection string: %s", got, test.want)
			}
		})
	}
}

func TestMuxOfNothing(t *testing.T) {
	for in, want := range map[string]string{
		"":         "connection string: empty: set MAILER_URL",
		"smtp://h": `connection string: unknown scheme "smtp": none is known`,
	} {
		if _, err := (dsn.Mux{}).Open(t.Context(), in); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}

// adapter makes a Mux of one scheme, "x", with one parameter, "p".
func adapter(open func(*dsn.URL) (mailer.Sender, error)) dsn.Mux {
	return dsn.Mux{{{Name: "x", Params: []string{"p"}, Open: func(_ context.Context, u *dsn.URL) (mailer.Sender, error) {
		return open(u)
	}}}}
}

func TestAccessors(t *testing.T) {
	for _, test := range []struct {
		in   string
		read func(*dsn.Params) any
		want any
		err  string
	}{
		{"x://h", func(p *dsn.Params) any { return p.String("p", "d") }, "d", ""},
		{"x://h?p=v", func(p *dsn.Params) any { return p.String("p", "d") }, "v", ""},
		{"x://h", func(p *dsn.Params) any { return p.OneOf("p", "us", "eu") }, "us", ""},
		{"x://h?p=eu", func(p *dsn.Params) any { return p.OneOf("p", "us", "eu") }, "eu", ""},
		{"x://h?p=uk", func(p *dsn.Params) any { return p.OneOf("p", "us", "eu") }, "us", `parameter "p": is not one of us, eu`},
		{"x://h", func(p *dsn.Params) any { return p.Bool("p", true) }, true, ""},
		{"x://h?p=false", func(p *dsn.Params) any { return p.Bool("p", true) }, false, ""},
		{"x://h?p=no", func(p *dsn.Params) any { return p.Bool("p", true) }, true, `parameter "p": is not true or false`},
		{"x://h", func(p *dsn.Params) any { return p.Int("p", 4) }, 4, ""},
		{"x://h?p=8", func(p *dsn.Params) any { return p.Int("p", 4) }, 8, ""},
		{"x://h?p=8.5", func(p *dsn.Params) any { return p.Int("p", 4) }, 4, `parameter "p": is not a whole number`},
		{"x://h", func(p *dsn.Params) any { return p.Duration("p", time.Second) }, time.Second, ""},
		{"x://h?p=2s", func(p *dsn.Params) any { return p.Duration("p", time.Second) }, 2 * time.Second, ""},
		{"x://h", func(p *dsn.Params) any { return p.Secret("p") == nil }, true, ""},
		{
			"x://h", func(p *dsn.Params) any { return p.String("q", "d") }, "d",
			`parameter "q": is read by the scheme but missing from its Params`,
		},
	} {
		t.Run(test.in, func(t *testing.T) {
			var got any
			made := &recorder{}
			_, err := adapter(func(u *dsn.URL) (mailer.Sender, error) {
				got = test.read(u.Params())
				return made, nil
			}).Open(t.Context(), test.in)
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if test.err == "" && (err != nil || made.closed != 0) {
				t.Errorf("got the error %v and %d closes", err, made.closed)
			}
			if test.err != "" && (err == nil || err.Error() != "connection string: "+test.err || made.closed != 1) {
				t.Errorf("got the error %v and %d closes, want connection string: %s and 1", err, made.closed, test.err)
			}
		})
	}
}

func TestAdapterErrors(t *testing.T) {
	cause := errors.New("x: no")
	_, err := adapter(func(*dsn.URL) (mailer.Sender, error) { return nil, cause }).Open(t.Context(), "x://h")
	if !errors.Is(err, cause) || err.Error() != "connection string: x: no" {
		t.Errorf("got %v", err)
	}
	_, err = adapter(nil).Open(t.Context(), "x://")
	if want := "connection string: missing host"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = adapter(func(u *dsn.URL) (mailer.Sender, error) {
		u.Params().Bool("p", false)
		return nil, cause
	}).Open(t.Context(), "x://h?p=q")
	if want := `connection string: parameter "p": is not true or false`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRewrite(t *testing.T) {
	var got string
	open := func(_ context.Context, u *dsn.URL) (mailer.Sender, error) {
		got = u.Host() + " " + reveal(t, u.Params().Secret("key"))
		return &recorder{}, nil
	}
	mux := dsn.Mux{{{
		Name: "portal", Params: []string{"key"}, Open: open,
		Rewrite: func(s string) (string, bool) {
			rest, found := strings.CutPrefix(s, "endpoint=https://")
			host, key, cut := strings.Cut(rest, "/;accesskey=")
			return "portal://" + host + "?key=" + dsn.Escape(key), found && cut
		},
	}}}
	t.Setenv("DSN_PORTAL", "endpoint=https://h.example.com/;accesskey=a+b/c d&==")
	for in, want := range map[string]string{
		"${DSN_PORTAL}":           "h.example.com a+b/c d&==",
		"failover(${DSN_PORTAL})": "h.example.com a+b/c d&==",
		"weighted(2*endpoint=https://i.example.com/;accesskey=a+b/c&?==)": "i.example.com a+b/c&?==",
	} {
		if _, err := mux.Open(t.Context(), in); err != nil {
			t.Errorf("%s: %v", in, err)
		} else if got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"smtp://u:p@host:587?timeout=5s&token=x", "smtp://[redacted]@host:587?timeout&token"},
		{"key://KEY@default", "key://[redacted]@default"},
		{"smtp://u:${P}@[::1]:25", "smtp://[redacted]@[::1]:25"},
		{"smtp://u:p@ss/w#@host", "smtp://[redacted]@host"},
		{"smtp://host:25", "smtp://[redacted]"},
		{"smtp://u:p?ss@host", "smtp://[redacted]"},
		{"smtp://u:a@b?c=d@host", "smtp://[redacted]"},
		{"smtp://u:p@host/path", "smtp://[redacted]"},
		{"smtp://u:p@host:x", "smtp://[redacted]"},
		{"smtp://u:p@h:1:2", "smtp://[redacted]"},
		{"smtp://u:p@host?B=c", "smtp://[redacted]"},
		{"smtp://u:p@${HOST}", "smtp://[redacted]"},
		{"u:p@host", "[redacted]"},
		{"", "[redacted]"},
		{
			"failover(smtp://u:p@host:587?timeout=5s sendgrid://KEY@default)?delivery=at-least-once",
			"failover(smtp://[redacted]@host:587?timeout sendgrid://[redacted]@default)?delivery",
		},
		{" weighted(\n 3*key://KEY@default\t key://KEY@h )?\n", "weighted(3*key://[redacted]@default key://[redacted]@h)"},
		{
			"roundrobin(failover(smtp://u:p@h ${X})?tags=a&name=b [redacted])",
			"roundrobin(failover(smtp://[redacted]@h [redacted])?tags&name [redacted])",
		},
		{"failover(smtp://host smtp://u:p?s@host key://KEY@h)", "failover(smtp://[redacted] smtp://[redacted] key://[redacted]@h)"},
		{"failover(key://KEY@h failover(key://KEY@i)?from=a@b)?tags=a", "failover(key://[redacted]@h failover([redacted]))?tags"},
		{"failover(key://KEY@h)?Tags=a", "failover([redacted])"},
		{"failover(key://KEY@h endpoint=https://h/;accesskey=KEY)", "failover([redacted])"},
		{"failover(smtp://u:pa ss@h)", "failover([redacted])"},
		{"\n failover(smtp://u:pa ss@h)", "failover([redacted])"},
		{"failover(smtp://u:pa(ss@h)", "failover([redacted])"},
		{"failover(smtp://u:pa()ss@h)", "failover([redacted])"},
		{"failover(smtp://u:pa)ss@h)", "failover([redacted])"},
		{"failover(smtp://u:pass@h)?tags=a b", "failover([redacted])"},
		{"failover (smtp://u:pass@h)", "[redacted]"},
		{"fallback(smtp://u:pass@h)", "[redacted]"},
		{"3*smtp://u:pass@h", "[redacted]"},
	} {
		if got := dsn.Redact(test.in); got != test.want {
			t.Errorf("Redact(%q) = %s, want %s", test.in, got, test.want)
		}
	}
}
