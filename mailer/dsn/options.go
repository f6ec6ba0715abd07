package dsn

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// Parameters that only members of a composite take, and those that only a composite takes.
var (
	routeParams  = []string{"from_domains", "max_in_flight", "tags", "to_domains"}
	configParams = []string{
		"ask_limit", "check_interval", "commit_limit", "delivery", "doubt_limit", "max_attempts", "min_slice",
		"reply_limit", "rest", "retry_delay", "split_recipients", "start_limit",
	}
)

// misplaced says where a parameter belongs that is unknown where it stands; empty
// when nowhere.
func misplaced(name string) string {
	switch {
	case name == "from", slices.Contains(routeParams, name):
		return "is for a member of failover(...), roundrobin(...) or weighted(...)"
	case slices.Contains(configParams, name):
		return "is for failover(...), roundrobin(...) and weighted(...), after the )"
	case slices.Contains(commonParams, name):
		return "is for each member by itself"
	}
	return ""
}

// readRoute reads those that are known where p stands.
func (p *Params) readRoute() router.Route {
	route := router.Route{Name: p.String("name", "")}
	if p.isKnown("from") {
		if from := p.sender("from"); from != nil {
			route.From = *from
		}
	}
	if p.isKnown(routeParams[0]) {
		route.FromDomains = p.domains("from_domains")
		route.ToDomains = p.domains("to_domains")
		route.Tags = p.list("tags")
		route.MaxInFlight = p.count("max_in_flight")
	}
	return route
}

// readConfig reads the options of a composite; delivery is what it has unless they say.
func (p *Params) readConfig(delivery mailer.Delivery) router.Config {
	return router.Config{
		Delivery:        p.delivery(delivery),
		MaxAttempts:     p.count("max_attempts"),
		SplitRecipients: p.Bool("split_recipients", false),
		CommitLimit:     p.limit("commit_limit"),
		MinSlice:        p.limit("min_slice"),
		StartLimit:      p.limit("start_limit"),
		ReplyLimit:      p.limit("reply_limit"),
		DoubtLimit:      p.limit("doubt_limit"),
		AskLimit:        p.limit("ask_limit"),
		RetryDelay:      p.limit("retry_delay"),
		Rest:            p.Duration("rest", 0),
		CheckInterval:   p.limit("check_interval"),
	}
}

func (p *Params) delivery(fallback mailer.Delivery) mailer.Delivery {
	most, least := mailer.AtMostOnce.String(), mailer.AtLeastOnce.String()
	switch {
	case !p.Has("delivery"):
		return fallback
	case p.OneOf("delivery", most, least) == least:
		return mailer.AtLeastOnce
	}
	return mailer.AtMostOnce
}

// count returns a parameter that is a number above zero; zero when it is absent.
func (p *Params) count(name string) int {
	return get(p, name, 0, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return 0, errors.New("is not a whole number above zero")
		}
		return n, nil
	})
}

// limit returns a parameter that is a positive duration, or negative when it is "off".
func (p *Params) limit(name string) time.Duration {
	return get(p, name, 0, func(s string) (time.Duration, error) {
		if s == "off" {
			return -1, nil
		}
		d, err := parseDuration(s)
		if err != nil {
			err = errors.New("is neither off nor a duration above zero, such as 5s")
		}
		return d, err
	})
}

// list returns a parameter that is separated by commas.
func (p *Params) list(name string) []string {
	return get(p, name, nil, func(s string) ([]string, error) {
		items := strings.Split(s, ",")
		if slices.Contains(items, "") {
			return nil, errors.New("has nothing before or after a comma")
		}
		return items, nil
	})
}

// domains returns a list of domains, "*." before one of them standing for all below it.
func (p *Params) domains(name string) []string {
	domains := p.list(name)
	if slices.ContainsFunc(domains, func(d string) bool { return !isDomain(strings.TrimPrefix(d, "*.")) }) {
		p.fail(name, errors.New("is not one or more domains in ASCII, separated by commas, such as example.com or *.example.com"))
	}
	return domains
}

// isDomain forestalls the router, whose error would show the domain. The host is checked as
// well because an address may have a domain that is not in ASCII.
func isDomain(s string) bool {
	if _, err := checkHost(s); err != nil || strings.HasPrefix(s, "[") {
		return false
	}
	_, err := mailer.Addresses("postmaster@" + s)
	return err == nil
}
