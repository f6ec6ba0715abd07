package main

import (
	"net/http"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// A healthReport is for monitors and people, not for the public. A platform should not restart
// the program by it: that cures no provider, and drops what is under way.
type healthReport struct {
	Routes []router.RouteHealth `json:"routes"`
	Doubts int                  `json:"doubts"`
}

// health answers 200 while a route takes mail, else 503.
func (s *service) health(w http.ResponseWriter, _ *http.Request) {
	report := healthReport{Routes: []router.RouteHealth{}, Doubts: len(s.doubts.all())}
	status := http.StatusOK
	if r, ok := mailer.Find[*router.Router](s.sender); ok { // there is none where MAILER_URL names one provider
		report.Routes = r.Health()
		if !slices.ContainsFunc(report.Routes, takesMail) {
			status = http.StatusServiceUnavailable
		}
	}
	writeJSON(w, status, report)
}

func takesMail(h router.RouteHealth) bool {
	return h.State != router.Open && !h.GatedUntil.After(time.Now())
}
