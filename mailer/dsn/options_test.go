package dsn

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

func TestReadConfig(t *testing.T) {
	const least = mailer.AtLeastOnce
	for _, test := range []struct {
		in     string
		around mailer.Delivery
		want   router.Config
	}{
		{"", 0, router.Config{}},
		{"", least, router.Config{Delivery: least}},
		{"delivery=at-least-once", 0, router.Config{Delivery: least}},
		{"delivery=at-most-once", least, router.Config{Delivery: mailer.AtMostOnce}},
		{"max_attempts=5&split_recipients=true", 0, router.Config{MaxAttempts: 5, SplitRecipients: true}},
		{"split_recipients=false", 0, router.Config{}},
		{"commit_limit=1m&min_slice=2s", 0, router.Config{CommitLimit: time.Minute, MinSlice: 2 * time.Second}},
		{"start_limit=1ms&reply_limit=2ms", 0, router.Config{StartLimit: time.Millisecond, ReplyLimit: 2 * time.Millisecond}},
		{"doubt_limit=3s&ask_limit=4s", 0, router.Config{DoubtLimit: 3 * time.Second, AskLimit: 4 * time.Second}},
		{
			"retry_delay=5s&rest=6s&check_interval=7s", 0,
			router.Config{RetryDelay: 5 * time.Second, Rest: 6 * time.Second, CheckInterval: 7 * time.Second},
		},
		{"commit_limit=off&min_slice=off", 0, router.Config{CommitLimit: -1, MinSlice: -1}},
		{"start_limit=off&reply_limit=off", 0, router.Config{StartLimit: -1, ReplyLimit: -1}},
		{"doubt_limit=off&ask_limit=off", 0, router.Config{DoubtLimit: -1, AskLimit: -1}},
		{"retry_delay=off&check_interval=off", 0, router.Config{RetryDelay: -1, CheckInterval: -1}},
	} {
		p, err := newOptions(t.Context(), newSpan(test.in), place{})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.readConfig(test.around); p.Err() != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v, %v, want %+v", test.in, got, p.Err(), test.want)
		}
	}
}

func TestReadRoute(t *testing.T) {
	for _, test := range []struct {
		in   string
		want router.Route
	}{
		{"", router.Route{}},
		{"name=a&max_in_flight=3", router.Route{Name: "a", MaxInFlight: 3}},
		{"from=Ann<a@example.com>", router.Route{From: mailer.Address{Name: "Ann", Address: "a@example.com"}}},
		{"from_domains=example.com,*.example.com", router.Route{FromDomains: []string{"example.com", "*.example.com"}}},
		{"to_domains=example.org&tags=a,b%20c", router.Route{ToDomains: []string{"example.org"}, Tags: []string{"a", "b c"}}},
	} {
		p, err := newOptions(t.Context(), newSpan(test.in), place{member: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.readRoute(); p.Err() != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v, %v, want %+v", test.in, got, p.Err(), test.want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	const (
		number  = "is not a whole number above zero"
		limit   = "is neither off nor a duration above zero, such as 5s"
		above   = "is not a duration above zero, such as 5s"
		comma   = "has nothing before or after a comma"
		domains = "is not one or more domains in ASCII, separated by commas, such as example.com or *.example.com"
	)
	for in, want := range map[string]string{
		"delivery=twice":                 "is not one of at-most-once, at-least-once",
		"delivery=default":               "is not one of at-most-once, at-least-once",
		"max_attempts=0":                 number,
		"max_attempts=-1":                number,
		"max_attempts=off":               number,
		"max_in_flight=0":                number,
		"split_recipients=yes":           "is not true or false",
		"start_limit=0s":                 limit,
		"start_limit=-1ns":               limit,
		"start_limit=OFF":                limit,
		"rest=off":                       above,
		"check_interval=0":               limit,
		"tags=a,":                        comma,
		"tags=,":                         comma,
		"from_domains=a..example":        domains,
		"from_domains=example.com.":      domains,
		"from_domains=ann@a.example":     domains,
		"from_domains=a.example,%20b.eg": domains,
		"from_domains=*":                 domains,
		"from_domains=a.*.example":       domains,
		"from_domains=bücher.example":    domains,
		"from_domains=a_b.example":       domains,
		"from_domains=xn--a.example":     domains,
		"to_domains=[::1]":               domains,
	} {
		p, err := newOptions(t.Context(), newSpan(in), place{member: 1})
		if err != nil {
			t.Fatal(err)
		}
		p.readRoute()
		p.readConfig(0)
		name, _, _ := strings.Cut(in, "=")
		if got := p.Err(); got == nil || got.Error() != `parameter "`+name+`": `+want {
			t.Errorf("%s: got %v, want %s", in, got, want)
		}
	}
}
