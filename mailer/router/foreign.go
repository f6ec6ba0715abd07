package router

import (
	"strings"
	"time"
)

const (
	foreignFor = 10 * time.Minute
	maxForeign = 1000 // domains remembered for a route
)

// foreign remembers From domains that a provider refused to send for. Its owner holds a lock.
type foreign map[string]time.Time

// add remembers domain, in the place of one that is as good as forgotten where there are many.
func (f *foreign) add(domain string, now time.Time) {
	if *f == nil {
		*f = make(foreign)
	}
	if len(*f) >= maxForeign {
		f.forget(now)
	}
	(*f)[domain] = now.Add(foreignFor)
}

func (f foreign) forget(now time.Time) {
	oldest := ""
	for domain, until := range f {
		if !now.Before(until) {
			delete(f, domain)
		} else if oldest == "" || until.Before(f[oldest]) {
			oldest = domain
		}
	}
	if len(f) >= maxForeign {
		delete(f, oldest)
	}
}

func (f foreign) has(domain string, now time.Time) bool { return now.Before(f[domain]) }

// domainOf returns the domain of an address in lower case.
func domainOf(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}
