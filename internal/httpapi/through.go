package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// Through lets a vendor's library ask the provider something that sends no message. Its
// client goes over this API's connections, to this API's host and no other, and gets every
// reply whole. ask is given the credential and called again when that was refused and a
// fresh one is to be had. The error is a *mailer.SendError, in the name of a.
func (p *API) Through(ctx context.Context, a *ledger.Attempt, ask func(client *http.Client, secret string) error) error {
	a.Mark(mailer.PhaseAuth)
	secret, failed := p.secret(ctx, nil)
	if failed != nil {
		return p.unanswered(a, Result{Err: failed}, secret)
	}
	t := &through{api: p, attempt: a}
	err := ask(t.client(), secret.Reveal())
	if source, ok := p.Credential.(mailer.Refresher); ok && err != nil && t.status() == http.StatusUnauthorized {
		source.Refresh()
		if fresh, failed := p.secret(ctx, nil); failed == nil && !fresh.Equal(secret) {
			secret, err = fresh, ask(t.client(), fresh.Reveal())
		}
	}
	switch {
	case err == nil:
		return nil
	case t.last.Reply == nil && t.last.Err == nil:
		return p.unanswered(a, Result{Err: &Error{StageBody, fmt.Errorf("%w: %w", ErrRequest, errLibrary)}}, secret)
	}
	return p.unanswered(a, t.last, secret)
}

// errLibrary stands for what a library says, which may hold the URL and more.
var errLibrary = errors.New("the request could not be made")

// through is the transport of a library's client. Its requests come one after the other.
type through struct {
	api     *API
	attempt *ledger.Attempt
	last    Result
}

func (t *through) client() *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (t *through) status() int {
	if t.last.Reply == nil {
		return 0
	}
	return t.last.Reply.Status
}

// RoundTrip implements [http.RoundTripper].
func (t *through) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	req, failed := t.api.Client.requestOf(r)
	if failed == nil && r.Method != http.MethodGet {
		failed = &Error{StageBody, fmt.Errorf("%w: it asks for more than an answer", ErrRequest)}
	}
	if failed != nil {
		t.last = Result{Err: failed}
		return nil, failed
	}
	t.last = t.api.Client.Do(r.Context(), req, t.attempt.Mark)
	if t.last.Err != nil {
		return nil, t.last.Err
	}
	return t.last.Reply.response(r), nil
}
