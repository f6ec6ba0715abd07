package mailguntest_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
)

// TestFaults: what the server holds does not depend on what it says.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault  mailguntest.Fault
		status int // zero when there is no whole reply
		held   int
	}{
		"none":                   {mailguntest.Fault{}, 200, 1},
		"replaced":               {mailguntest.Reply(mailguntest.Gateway(502)), 502, 0},
		"replaced after the act": {mailguntest.AcceptBut(mailguntest.InternalError()), 500, 1},
		"withheld":               {mailguntest.Fault{Kind: mailguntest.Withhold}, 0, 0},
		"withheld after the act": {mailguntest.Fault{Kind: mailguntest.Withhold, Accept: true}, 0, 1},
		"cut in the reply":       {mailguntest.Fault{Kind: mailguntest.CutReply, After: 20}, 0, 0},
		"cut after the act":      {mailguntest.Fault{Kind: mailguntest.CutReply, After: 20, Accept: true}, 0, 1},
		"cut in the body":        {mailguntest.Fault{Kind: mailguntest.CutInBody, After: 20}, 0, 0},
		"no HTTP":                {mailguntest.Fault{Kind: mailguntest.Raw, RawReply: []byte("nonsense\r\n"), Accept: true}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			srv := mailguntest.Start(t, mailguntest.Config{})
			reached := srv.Next(c.fault)
			status := 0
			req := newPost(t, srv, "messages", smallest("hello"))
			req.GetBody = nil // or it would be sent again
			if res, err := http.DefaultClient.Do(req); err == nil {
				status = res.StatusCode
				_ = res.Body.Close()
			}
			<-reached
			waitIdle(t, srv)
			if held := len(srv.Messages()); status != c.status || held != c.held {
				t.Errorf("got status %d and %d messages, want %d and %d", status, held, c.status, c.held)
			}
		})
	}
}

func waitIdle(t *testing.T, srv *mailguntest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := srv.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestSilence(t *testing.T) {
	srv := mailguntest.Start(t, mailguntest.Config{})
	reached := srv.Next(mailguntest.Fault{Kind: mailguntest.Silence, Accept: true})
	req, failed := newPost(t, srv, "messages", smallest("hello")), make(chan error)
	req.GetBody = nil
	go func() {
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		failed <- err
	}()
	<-reached
	if held := len(srv.Messages()); held != 1 {
		t.Errorf("got %d messages during the silence", held)
	}
	srv.EndSilences()
	if err := <-failed; err == nil {
		t.Error("there was a reply")
	}
}

func TestTooLarge(t *testing.T) {
	srv := mailguntest.Start(t, mailguntest.Config{MaxBodyBytes: 10_000})
	post(t, srv, "messages", smallest("small"))
	large := append(smallest("large"), formPart{name: "attachment", value: strings.Repeat("x", 10_000), filename: "x.bin"})
	res := tryPost(t, srv, "messages", large)
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge || len(srv.Messages()) != 1 {
		t.Errorf("got %d, and %d messages", res.StatusCode, len(srv.Messages()))
	}
}

func TestTLS(t *testing.T) {
	certs := testcert.Must(t)
	srv := mailguntest.Start(t, mailguntest.Config{TLS: testcert.Server(certs.Valid)})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: certs.Client("localhost")}}
	defer client.CloseIdleConnections()
	res, err := client.Do(newPost(t, srv, "messages", smallest("hello")))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if !strings.HasPrefix(srv.URL(), "https://"+srv.Addr()) || res.StatusCode != http.StatusOK || len(srv.Messages()) != 1 {
		t.Errorf("got %d from %s, and %d messages", res.StatusCode, srv.URL(), len(srv.Messages()))
	}
}

func TestStatsAndClose(t *testing.T) {
	srv, err := mailguntest.New(mailguntest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	post(t, srv, "messages", smallest("hello"))
	srv.CloseIdle()
	srv.Close()
	srv.Close()
	if s := srv.Stats(); s.Requests != 1 || s.Whole != 1 || len(srv.Requests()) != 1 || len(srv.Messages()) != 1 {
		t.Errorf("got %+v and %d messages", s, len(srv.Messages()))
	}
	res, err := http.DefaultClient.Do(newPost(t, srv, "messages", smallest("late")))
	if err == nil {
		_ = res.Body.Close()
		t.Error("there was a reply after Close")
	}
}

// TestConcurrency is for the race detector.
func TestConcurrency(t *testing.T) {
	srv := mailguntest.Start(t, mailguntest.Config{})
	const n = 8
	failed := make(chan error, n)
	for range n {
		req := newPost(t, srv, "messages", smallest("hello"))
		go func() {
			res, err := http.DefaultClient.Do(req)
			if err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
			failed <- err
			_, _ = srv.Messages(), srv.Violations()
		}()
	}
	for range n {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	var ids []string
	for _, m := range srv.Messages() {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	if got := len(slices.Compact(ids)); got != n {
		t.Errorf("got %d ids, want %d", got, n)
	}
}
