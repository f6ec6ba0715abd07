package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What the demo does on request, seen from outside and from inside.
func TestDemo(t *testing.T) {
	d, err := startDemo()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	logs := newLogbook()
	// However slow the machine is, it does not make the primary look slow.
	sender, err := open(t.Context(), d.url()+"?start_limit=off&reply_limit=off", textLogger(logs))
	if err != nil {
		t.Fatal(err)
	}
	s, h := newService(t, sender)
	t.Cleanup(func() { _ = s.close(t.Context()) })
	mux := http.NewServeMux()
	mux.HandleFunc("POST /primary/{state}", d.setPrimary)
	mux.Handle("/", h)

	for _, c := range []struct {
		path    string
		form    url.Values
		status  int
		outcome string
		primary int // messages that each has then
		backup  int
	}{
		{"/reset", receiptForm, 202, "accepted", 1, 0},
		{"/primary/down", nil, 204, "", 1, 0},
		{"/order", receiptForm, 202, "accepted", 1, 1},
		{"/primary/lost", nil, 204, "", 1, 1},
		{"/reset", receiptForm, 202, "accepted", 2, 2},
		{"/order", receiptForm, 202, "unknown", 3, 2},
		{"/primary/up", nil, 204, "", 3, 2},
		{"/order", receiptForm, 202, "accepted", 4, 2},
		{"/primary/gone", nil, 400, "", 4, 2},
	} {
		w, a := post(t, mux, c.path, c.form)
		if w.Code != c.status || a.Outcome != c.outcome {
			t.Errorf("%s: %d, %s", c.path, w.Code, w.Body)
		}
		if p, b := len(d.primary.Messages()), len(d.backup.Messages()); p != c.primary || b != c.backup {
			t.Errorf("%s: the primary has %d messages, the backup %d; want %d, %d", c.path, p, b, c.primary, c.backup)
		}
	}
	for text, count := range map[string]int{
		`msg="mail attempt failed"`: 1, `msg="mail attempt in doubt"`: 2, "example.org": 0, d.backup.Key(): 0,
	} {
		if got := strings.Count(logs.String(), text); got != count {
			t.Errorf("%q is logged %d times, want %d:\n%s", text, got, count, logs)
		}
	}
}
