package sendgridtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A predicate is a condition of a query.
type predicate func(e entry) bool

// parseQuery understands the query language of the Email Logs API: conditions joined by
// AND, without nesting. Values stand in single or double quotes; how a quote within is
// written is not documented, and refused here.
func parseQuery(query string) (predicate, error) {
	tokens, err := tokenize(query)
	if err != nil {
		return nil, err
	}
	var all []predicate
	p := &queryParser{tokens}
	for len(p.tokens) > 0 {
		one, err := p.condition()
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		if len(p.tokens) > 0 && (p.take() != "AND" || len(p.tokens) == 0) {
			return nil, errors.New("conditions are joined by AND")
		}
	}
	return func(e entry) bool {
		return !slices.ContainsFunc(all, func(one predicate) bool { return !one(e) })
	}, nil
}

// tokenize returns words, signs, and values with their first quote.
func tokenize(query string) ([]string, error) {
	var tokens []string
	for query = strings.TrimLeft(query, " "); query != ""; query = strings.TrimLeft(query, " ") {
		n, err := tokenBytes(query)
		if err != nil {
			return nil, err
		}
		token := query[:n]
		if token[0] == '\'' || token[0] == '"' {
			token = "'" + token[1:n-1]
		}
		tokens = append(tokens, token)
		query = query[n:]
	}
	return tokens, nil
}

// tokenBytes is the length of the first token of query.
func tokenBytes(query string) (int, error) {
	switch c := query[0]; {
	case c == '\'' || c == '"':
		end := strings.IndexByte(query[1:], c)
		if end < 0 {
			return 0, errors.New("a value without its second quote")
		}
		return end + 2, nil
	case strings.HasPrefix(query, ">=") || strings.HasPrefix(query, "<="):
		return 2, nil
	case strings.IndexByte("=<>(),", c) >= 0:
		return 1, nil
	}
	notWord := func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' }
	n := strings.IndexFunc(query, notWord)
	switch n {
	case 0:
		return 0, fmt.Errorf("unexpected %.10q", query)
	case -1:
		return len(query), nil
	}
	return n, nil
}

// A queryParser holds the tokens that are left.
type queryParser struct{ tokens []string }

// take removes the next token; there is none: "".
func (p *queryParser) take() string {
	if len(p.tokens) == 0 {
		return ""
	}
	next := p.tokens[0]
	p.tokens = p.tokens[1:]
	return next
}

func (p *queryParser) condition() (predicate, error) {
	field, operator := p.take(), p.take()
	switch field {
	case "sg_message_id", "subject", "to_email", "reason":
		return p.equality(field, operator)
	case "status", "categories":
		return p.membership(field, operator)
	case "sg_message_id_created_at":
		return p.comparison(operator)
	}
	return nil, fmt.Errorf("no field %.40q", field)
}

func (p *queryParser) value() (string, error) {
	text, ok := strings.CutPrefix(p.take(), "'")
	if !ok {
		return "", errors.New("a value stands in quotes")
	}
	return text, nil
}

func (p *queryParser) equality(field, operator string) (predicate, error) {
	want, err := p.value()
	if err != nil {
		return nil, err
	}
	if operator != "=" {
		return nil, fmt.Errorf("%s has the operator = only", field)
	}
	return func(e entry) bool {
		has := map[string]string{"sg_message_id": e.id, "subject": e.message.Subject, "to_email": e.to, "reason": ""}
		return has[field] == want
	}, nil
}

// membership reads ('a', 'b').
func (p *queryParser) membership(field, operator string) (predicate, error) {
	if operator != "IN" || p.take() != "(" {
		return nil, fmt.Errorf("%s has the operator IN only, and a list", field)
	}
	var list []string
	for {
		text, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, text)
		switch p.take() {
		case ",":
		case ")":
			return func(e entry) bool { return e.isIn(field, list) }, nil
		default:
			return nil, errors.New("a list ends with )")
		}
	}
}

func (e entry) isIn(field string, list []string) bool {
	if field == "status" {
		return slices.Contains(list, e.status())
	}
	return slices.ContainsFunc(e.message.Categories, func(c string) bool { return slices.Contains(list, c) })
}

// comparison reads TIMESTAMP "2025-01-01T00:00:00Z". Entries have whole seconds.
func (p *queryParser) comparison(operator string) (predicate, error) {
	if p.take() != "TIMESTAMP" {
		return nil, errors.New("a time is written TIMESTAMP and a value")
	}
	text, err := p.value()
	if err != nil {
		return nil, err
	}
	limit, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("%.40q is not a time", text)
	}
	holds, ok := map[string]func(order int) bool{
		">":  func(order int) bool { return order > 0 },
		"<":  func(order int) bool { return order < 0 },
		">=": func(order int) bool { return order >= 0 },
		"<=": func(order int) bool { return order <= 0 },
	}[operator]
	if !ok {
		return nil, fmt.Errorf("a time has no operator %.10q", operator)
	}
	return func(e entry) bool { return holds(e.message.Time.Truncate(time.Second).Compare(limit)) }, nil
}
