package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

func get(t *testing.T, h http.Handler, path string, into any) (status int) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: %v: %s", path, err, w.Body)
	}
	return w.Code
}

var (
	lost        = mailertest.Step{Verdict: &mailer.SendError{}, Kept: false}
	unreachable = refusal(mailer.SendError{Scope: mailer.ScopeProvider, Temporary: true})
)

// A message in doubt is listed, and nothing is sent until somebody has found out.
func TestDoubtsAreListed(t *testing.T) {
	script := &mailertest.Script{Steps: []mailertest.Step{lost}}
	_, h := newService(t, script)
	var list []doubt
	if status := get(t, h, "/doubts", &list); status != http.StatusOK || len(list) != 0 || list == nil {
		t.Errorf("before: %d, %+v", status, list)
	}
	_, a := post(t, h, "/order", receiptForm)
	if status := get(t, h, "/doubts", &list); status != http.StatusOK || len(list) != 1 ||
		list[0].MessageID != a.MessageID || list[0].Subject != "Receipt for order 4711" || list[0].Detail == "" {
		t.Errorf("after: %d, %+v", status, list)
	}
}

func TestResolveDoubt(t *testing.T) {
	for _, c := range []struct {
		name    string
		then    []mailertest.Step // what happens when it is sent again
		arrived string
		status  int
		copies  int
		left    int
	}{
		{"it arrived", nil, "yes", 204, 0, 0},
		{"it did not, and does now", []mailertest.Step{{}}, "no", 202, 1, 0},
		{"it did not, and is in doubt again", []mailertest.Step{lost}, "no", 202, 0, 1},
		{"it did not, and cannot be sent", []mailertest.Step{unreachable}, "no", 503, 0, 1},
		{"nobody knows", nil, "perhaps", 400, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			script := &mailertest.Script{Steps: append([]mailertest.Step{lost}, c.then...)}
			s, h := newService(t, script)
			_, first := post(t, h, "/order", receiptForm)
			w, _ := post(t, h, "/doubts", url.Values{"message_id": {first.MessageID}, "arrived": {c.arrived}})
			if w.Code != c.status {
				t.Errorf("got %d, %s", w.Code, w.Body)
			}
			if n := script.Copies(first.MessageID); n != c.copies || len(script.Kept()) != n || script.Left() != 0 {
				t.Errorf("the provider has %d copies under the same Message-ID and %d messages, want %d", n, len(script.Kept()), c.copies)
			}
			if n := len(s.doubts.all()); n != c.left {
				t.Errorf("%d are in doubt, want %d", n, c.left)
			}
		})
	}
}

// Of many who say at once that it did not arrive, one has it sent again.
func TestResolveDoubtOnce(t *testing.T) {
	script := &mailertest.Script{Steps: []mailertest.Step{lost}, Rest: &mailertest.Step{}}
	_, h := newService(t, script)
	_, first := post(t, h, "/order", receiptForm)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			w, _ := post(t, h, "/doubts", url.Values{"message_id": {first.MessageID}, "arrived": {"no"}})
			if w.Code != http.StatusAccepted && w.Code != http.StatusNotFound {
				t.Errorf("got %d, %s", w.Code, w.Body)
			}
		})
	}
	group.Wait()
	if n := script.Copies(first.MessageID); n != 1 {
		t.Errorf("the provider has %d copies, want 1", n)
	}
}

func TestDoubtsAreBounded(t *testing.T) {
	var d doubts
	for range maxDoubts {
		d.add(&mailer.Message{MessageID: "<old@example.com>"}, errors.New("lost"))
	}
	d.add(&mailer.Message{MessageID: "<new@example.com>"}, errors.New("lost"))
	if all := d.all(); len(all) != maxDoubts || all[maxDoubts-1].MessageID != "<new@example.com>" {
		t.Errorf("%d are kept, the last one %s", len(all), all[len(all)-1].MessageID)
	}
}
