package dsn_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer/dsn"
)

// opened returns what the schemes of testMux saw, a string each, in order.
func opened(t *testing.T, s string) (seen []string, err error) {
	t.Helper()
	_, err = testMux(func(u *dsn.URL) { seen = append(seen, fields(t, u)) }).Open(t.Context(), s)
	return seen, err
}

func TestCompositeGood(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a (composite) of its own")
	writeFile(t, file, "\n roundrobin(\n  key://k@f1\n  smtp://u:${DSN_PASSWORD}@f2\n)\n")
	t.Setenv("DSN_PASSWORD", "p (a) b")
	t.Setenv("DSN_ONE", "smtp://one")
	t.Setenv("DSN_TWO", "failover(smtp://two ${DSN_ONE})")
	for _, test := range []struct{ in, want string }{
		{"failover(smtp://a)", "a"},
		{"failover(smtp://a smtp://b key://k@c)", "a b c"},
		{"roundrobin(smtp://a smtp://b)?", "a b"},
		{"weighted(3*smtp://a 1*smtp://b smtp://c 1000*key://k@d)", "a b c d"},
		{" \t\r\nfailover(\n\tsmtp://a\r\n\tsmtp://b \n)?max_attempts=2\n", "a b"},
		{"failover(smtp://u:a*b+c/d=e|f?&g)", ""},
		{"failover(smtp://u:a*b@a smtp://u:%28%20%29@b smtp://u:3*@c)", "a b c"},
		{"failover(roundrobin(smtp://a smtp://b) weighted(2*smtp://c 3*failover(smtp://d)?name=x) smtp://e)", "a b c d e"},
		{"failover(${DSN_ONE} smtp://b)", "one b"},
		{"${DSN_TWO}", "two one"},
		{"weighted(2*${DSN_TWO} ${file:" + file + "}?)", ""},
		{"weighted(2*${DSN_TWO} 3*${file:" + file + "})", "two one f1 f2"},
		{"failover(${file:" + file + "} ${DSN_ONE})", "f1 f2 one"},
		{"failover(smtp://a?name=x smtp://a?name=y roundrobin(smtp://a?name=x))", "a a a"},
		{"failover(smtp://a?tags=x&from=a@b.example&mode=m key://k@b?from_domains=*.example)", "a b"},
		{nested(8, "smtp://a"), "a"},
		{"failover(" + strings.Repeat("smtp://a ", 64) + ")", strings.TrimSpace(strings.Repeat("a ", 64))},
	} {
		t.Run(test.in, func(t *testing.T) {
			seen, err := opened(t, test.in)
			var hosts []string
			for _, line := range seen {
				_, rest, _ := strings.Cut(line, "host=")
				host, _, _ := strings.Cut(rest, " ")
				hosts = append(hosts, host)
			}
			if got := strings.Join(hosts, " "); got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

// nested puts as many composites around s.
func nested(depth int, s string) string {
	return strings.Repeat("failover(", depth) + s + strings.Repeat(")", depth)
}

func TestCompositeBad(t *testing.T) {
	const (
		word   = "unknown word before the (: known are failover, roundrobin, weighted"
		space  = "no space may stand between failover, roundrobin or weighted and the ("
		open   = "missing ): inside a value ( is written %28"
		after  = "nothing but ? and options may follow the ): inside a value ) is written %29"
		inside = "inside a value ( and ) are written %28 and %29"
		scheme = "unknown scheme: known are key, smtp; a space inside a value is written %20"
		weight = "a weight is a whole number from 1 to 1000, as in 3*smtp://host"
		apart  = "no space may stand between a weight, the * and the member, as in 3*smtp://host"
		shares = "a weight such as 3* stands before a member of weighted(...) and nowhere else"
		count  = "more than 64 members, those of nested ones included"
		route  = "is for a member of failover(...), roundrobin(...) or weighted(...)"
		each   = "is for each member by itself"
		config = "known are ask_limit, check_interval, commit_limit, delivery, doubt_limit, max_attempts, min_slice, name, " +
			"reply_limit, rest, retry_delay, split_recipients, start_limit"
		hash = "no fragment may follow the host; inside a parameter # is written %23"
	)
	t.Setenv("DSN_REF", "${DSN_ONE}")
	t.Setenv("DSN_ONE", "smtp://one")
	t.Setenv("DSN_LOOP", "failover(${DSN_LOOP} ${DSN_LOOP})")
	t.Setenv("DSN_MANY", "failover("+strings.Repeat("${DSN_ONE} ", 40)+")")
	t.Setenv("DSN_WEIGHT", "3*smtp://h")
	for _, test := range []struct{ in, want string }{
		{"fallback(smtp://a)", word},
		{"Failover(smtp://a)", word},
		{"(smtp://a)", word},
		{"failover (smtp://a)", space},
		{"failover\n(smtp://a)", space},
		{"failover(weighted (smtp://a))", "member 1: " + space},
		{"failover(", open},
		{"failover(smtp://a", open},
		{"failover(smtp://a failover(smtp://b)", open},
		{"failover(smtp://u:p(w@a smtp://b)", open},
		{"failover()", "no members: the form is failover(A B)"},
		{"weighted( \n)", "no members: the form is weighted(A B)"},
		{"failover(smtp://a)x", after},
		{"failover(smtp://a) ?name=x", after},
		{"failover(smtp://a)?name=x y", after},
		{"failover(smtp://a)smtp://b", after},
		{"failover(smtp://a))", after},
		{"failover(smtp://u:p)w@a smtp://b)", after},
		{"failover(smtp://a failover(smtp://b)x)", "member 2: " + after},
		{"failover(smtp://u:p(w)@a)", "member 1: " + inside},
		{"failover(smtp://a b)", "member 2: " + scheme},
		{"failover(smtp://a, smtp://b)", "member 1: a comma stands behind the host: spaces alone separate the members of a composite"},
		{"failover(smtp://a smtps://b)", `member 2: unknown scheme "smtps": known are key, smtp`},
		{"failover(3*smtp://a)", "member 1: " + shares},
		{"weighted(0*smtp://a)", "member 1: " + weight},
		{"weighted(-1*smtp://a)", "member 1: " + weight},
		{"weighted(+1*smtp://a)", "member 1: " + weight},
		{"weighted(1.5*smtp://a)", "member 1: " + weight},
		{"weighted(1001*smtp://a)", "member 1: " + weight},
		{"weighted(99999999999999999999*smtp://a)", "member 1: " + weight},
		{"weighted(smtp://a 3 *smtp://b)", "member 2: " + apart},
		{"weighted(0.5 *smtp://a)", "member 1: " + apart},
		{"weighted(smtp://a 3* smtp://b)", "member 2: " + apart},
		{"weighted(*smtp://a)", "member 1: " + apart},
		{"weighted(3*2*smtp://a)", "member 1: " + shares},
		{"weighted(3*${DSN_WEIGHT})", "member 1: " + shares},
		{"weighted(3*${DSN_ONE}x)", "member 1: " + scheme},
		{nested(9, "smtp://a"), strings.Repeat("member 1: ", 8) + "nested more than 8 deep"},
		{"${DSN_LOOP}", strings.Repeat("member 1: ", 8) + "nested more than 8 deep"},
		{"failover(" + strings.Repeat("smtp://a ", 65) + ")", count},
		{"failover(${DSN_MANY} ${DSN_MANY})", "member 2: member 25: " + count},
		{"failover(${DSN_REF})", "member 1: a reference leads to another reference"},
		{"failover(smtp://a ${DSN_UNSET})", "member 2: environment variable DSN_UNSET is not set"},
		{"failover(smtp://a failover(smtp://b smtp://u:@c))", "member 2: member 2: password: is empty"},
		{"failover(smtp://a smtp://b\x00)", "member 2: has a line end or another control character, which inside a value is written as %XX"},
		{"failover(smtp://a)?tiemout=5s", `unknown parameter "tiemout": ` + config},
		{"failover(smtp://a)?name=x&x@=5s", "unknown parameter 2: " + config},
		{"failover(smtp://a)?timeout=5s", `parameter "timeout": ` + each},
		{"failover(smtp://a)?ca_file=x", `parameter "ca_file": ` + each},
		{"failover(smtp://a failover(smtp://b)?strict=true)", `member 2: parameter "strict": ` + each},
		{"failover(smtp://a)?from=a@example.com", `parameter "from": ` + route},
		{"failover(smtp://a)?from_domains=a.example", `parameter "from_domains": ` + route},
		{"failover(smtp://a)?max_attempts=0", `parameter "max_attempts": is not a whole number above zero`},
		{"failover(smtp://a)?max_attempts=${DSN_UNSET}", `parameter "max_attempts": environment variable DSN_UNSET is not set`},
		{"failover(smtp://a)?name=a#b", hash},
		{"failover(smtp://a?rest=5s)", `member 1: parameter "rest": is for failover(...), roundrobin(...) and weighted(...), after the )`},
		{
			"failover(smtp://u@a?tiemout=5s)", `member 1: unknown parameter "tiemout": known are ca_file, from, from_domains, max_in_flight, ` +
				"mode, name, pool, strict, tags, timeout, to_domains, token",
		},
		{"failover(smtp://u:p?w=@a)", "member 1: unknown parameter 1: known are ca_file, from, from_domains, max_in_flight, " +
			"mode, name, pool, strict, tags, timeout, to_domains, token; a ? in a password is written %3F"},
		{"failover(smtp://a?name=x smtp://b smtp://c?name=x)", "members 1 and 3 have the same name: give one of them another with name="},
		{"failover(smtp://a roundrobin(smtp://b) smtp://c?name=route%202)", "members 2 and 3 have the same name: give one of them another with name="},
	} {
		t.Run(test.in, func(t *testing.T) {
			if seen, err := opened(t, test.in); err == nil {
				t.Errorf("opened %q, want the error %s", seen, test.want)
			} else if got := err.Error(); got != "connection string: "+test.want {
				t.Errorf("got  %s\nwant connection string: %s", got, test.want)
			}
		})
	}
}

// Nothing is opened when the string as a whole cannot be right.
func TestCompositeParsedFirst(t *testing.T) {
	if seen, err := opened(t, "failover(smtp://a smtp://b c)"); err == nil || len(seen) > 0 {
		t.Errorf("opened %q, %v", seen, err)
	}
}
