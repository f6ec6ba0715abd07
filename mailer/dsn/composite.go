package dsn

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/mailkeel/mailkeel/mailer/router"
)

const (
	maxMembers = 64 // of a whole string; as many as a router takes
	maxDepth   = 8
	maxWeight  = 1000

	whiteSpace = " \t\r\n"
)

// words are the names of composites, in the order of their policies.
var words = [...]string{router.Priority: "failover", router.RoundRobin: "roundrobin", router.Weighted: "weighted"}

// policyOf returns the policy that a word stands for.
func policyOf(word string) (policy router.Policy, known bool) {
	for i, w := range words {
		if w == word {
			return router.Policy(i), true
		}
	}
	return 0, false
}

var (
	// A provider's own string has no ( so early, whatever its user did not escape.
	compositeForm = regexp.MustCompile(`^[A-Za-z0-9+._-]*[ \t\r\n]*\(`)
	weightForm    = regexp.MustCompile(`^[-+.0-9]*\*`)
	numberForm    = regexp.MustCompile(`^[-+.0-9]+$`)

	errWord   = fmt.Errorf("unknown word before the (: %s", knownAre(words[:]))
	errSpace  = errors.New("no space may stand between failover, roundrobin or weighted and the (")
	errOpen   = errors.New("missing ): inside a value ( is written %28")
	errAfter  = errors.New("nothing but ? and options may follow the ): inside a value ) is written %29")
	errInside = errors.New("inside a value ( and ) are written %28 and %29")
	errDepth  = fmt.Errorf("nested more than %d deep", maxDepth)
	errCount  = fmt.Errorf("more than %d members, those of nested ones included", maxMembers)
	errWeight = fmt.Errorf("a weight is a whole number from 1 to %d, as in 3*smtp://host", maxWeight)
	errApart  = errors.New("no space may stand between a weight, the * and the member, as in 3*smtp://host")
	errShares = errors.New("a weight such as 3* stands before a member of weighted(...) and nowhere else")
)

// A node is a connection string taken apart as far as it is a composite. What its
// references hold is not part of it.
type node struct {
	text   span // a provider's own string, or a reference
	weight int  // as a member; zero when none is written

	// Of a composite.
	policy  router.Policy
	members []node // not empty
	options span   // what comes after the ?
}

func (n node) isComposite() bool { return len(n.members) > 0 }

// parse takes s apart; depth is the number of composites around it. An error repeats
// nothing of s. As long as no space or parenthesis in a value was left without escape, a
// nil error means that every member ends where its writer meant it to end.
func (m Mux) parse(s string, depth int) (node, error) {
	whole := newSpan(s).trim()
	switch {
	case compositeForm.MatchString(whole.raw):
		return m.parseComposite(whole, depth)
	case weightForm.MatchString(whole.raw):
		return node{}, errShares
	}
	return node{text: whole}, nil
}

func (m Mux) parseComposite(s span, depth int) (node, error) {
	word, rest, _ := s.cut("(")
	policy, known := policyOf(word.trim().raw)
	switch {
	case !known:
		return node{}, errWord
	case word.raw != words[policy]:
		return node{}, errSpace
	case depth >= maxDepth:
		return node{}, errDepth
	}
	inner, after, closed := rest.cutClosing()
	if !closed {
		return node{}, errOpen
	}
	nothing, options, _ := after.cut("?")
	if nothing.raw != "" || options.has(whiteSpace+"()") {
		return node{}, errAfter
	}
	members, err := m.parseMembers(inner.fields(), policy, depth+1)
	return node{policy: policy, members: members, options: options}, err
}

func (m Mux) parseMembers(fields []span, policy router.Policy, depth int) ([]node, error) {
	switch {
	case len(fields) == 0:
		return nil, fmt.Errorf("no members: the form is %s(A B)", words[policy])
	case len(fields) > maxMembers:
		return nil, errCount
	}
	members := make([]node, len(fields))
	for i, field := range fields {
		weight, text, err := cutWeight(field, policy)
		if err == nil {
			members[i], err = m.parseMember(text, depth)
		}
		if err != nil {
			return nil, memberError(i, err)
		}
		members[i].weight = weight
	}
	return members, nil
}

func cutWeight(field span, policy router.Policy) (weight int, member span, err error) {
	before, after, _ := field.cut("*")
	switch {
	case !weightForm.MatchString(field.raw):
		if policy == router.Weighted && numberForm.MatchString(field.raw) {
			return 0, span{}, errApart
		}
		return 0, field, nil
	case policy != router.Weighted:
		return 0, span{}, errShares
	case before.raw == "" || after.raw == "":
		return 0, span{}, errApart
	}
	n, err := strconv.ParseUint(before.raw, 10, 16)
	if err != nil || n < 1 || n > maxWeight {
		return 0, span{}, errWeight
	}
	return int(n), after, nil
}

func (m Mux) parseMember(s span, depth int) (node, error) {
	if _, isWord := policyOf(s.raw); isWord {
		return node{}, errSpace
	}
	n, err := m.parse(s.raw, depth)
	switch {
	case err != nil || n.isComposite():
		return n, err
	case !m.isString(s.raw):
		return node{}, fmt.Errorf("%w; a space inside a value is written %%20", m.schemeError(""))
	case s.has("()"):
		return node{}, errInside
	}
	return n, nil
}

// isString reports whether s begins like a provider's own string, or is a reference or
// what [Redact] shows of one.
func (m Mux) isString(s string) bool {
	scheme, _ := cutScheme(m.rewrite(s))
	return scheme != "" || isReference(s) || s == redacted
}

// redacted returns what may be shown of n.
func (n node) redacted() string {
	if !n.isComposite() {
		return redactOne(n.text.raw)
	}
	options := optionParts(n.options)
	names, safe := options.shownNames()
	if !safe || !options.certain() {
		return words[n.policy] + "(" + redacted + ")"
	}
	members := make([]string, len(n.members))
	for i, m := range n.members {
		if members[i] = m.redacted(); m.weight > 0 {
			members[i] = strconv.Itoa(m.weight) + "*" + members[i]
		}
	}
	return words[n.policy] + "(" + strings.Join(members, " ") + ")" + joinNames(names)
}
