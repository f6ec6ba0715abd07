package acs

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/mailer"
)

// The times of tokens.
const (
	fetchLimit   = 30 * time.Second // for one fetch, whoever waits for it
	renewBefore  = 5 * time.Minute  // the end of a token that does not say when to renew it
	renewPause   = 30 * time.Second // between two attempts to renew one that still serves
	undatedToken = time.Minute      // how long one serves that does not say when it ends
)

// tokens stands between the credential and azcore's token policy, which sends tokens that have expired,
// and lets requests wait for the one that fetches a token, however soon they have to end. Here one
// fetch serves all who wait, each waits for as long as it may, and a token that is about to
// end is replaced while it still serves. Each request has a policy of azcore's to itself, for the sake of
// challenges: one that all shared would let them wait for the token that one of them was challenged for.
type tokens struct {
	getToken func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) // a func, which prints as an address
	options  policy.TokenRequestOptions
	bearer   policy.BearerTokenOptions
	life     context.Context //nolint:containedctx // a fetch outlives the send that asked first

	mu      sync.Mutex
	held    *azcore.AccessToken // likewise; nil where there is none
	fetch   *fetch              // the latest
	renewed time.Time
}

// A fetch is a token on its way. Token and err are set before done is closed.
type fetch struct {
	began time.Time
	done  chan struct{}
	token azcore.AccessToken
	err   error
}

func newFetch() *fetch { return &fetch{began: time.Now(), done: make(chan struct{})} }

// wait returns what f brings. It waits for that until ctx ends.
func (f *fetch) wait(ctx context.Context) (azcore.AccessToken, error) {
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return azcore.AccessToken{}, ctx.Err()
	}
}

func newTokens(life context.Context, cfg *Config) *tokens {
	return &tokens{
		getToken: cfg.Credential.GetToken, life: life,
		options: policy.TokenRequestOptions{Scopes: []string{cfg.Scope}, EnableCAE: true}, // as azcore's policy asks
		bearer: policy.BearerTokenOptions{
			InsecureAllowCredentialWithHTTP: cfg.AllowPlaintext, // to this machine only, which the transport sees to
		},
	}
}

// Do implements [policy.Policy]. It makes sure that there is a token for azcore's policy. A
// refusal is answered once with a fresh one.
func (t *tokens) Do(req *policy.Request) (*http.Response, error) {
	token, res, err := t.send(req)
	if !isRefused(req, res, err) {
		return res, err
	}
	t.forget(token)
	_ = res.Body.Close()
	if err := req.RewindBody(); err != nil {
		return nil, err
	}
	_, res, err = t.send(req)
	return res, err
}

func (t *tokens) send(req *policy.Request) (token string, res *http.Response, err error) {
	held, err := t.prepare(req.Raw().Context())
	if err != nil {
		return "", nil, err
	}
	res, err = runtime.NewBearerTokenPolicy(&shown{t, held}, t.options.Scopes, &t.bearer).Do(req)
	return held.Token, res, err
}

// prepare waits for a token that has not expired.
func (t *tokens) prepare(ctx context.Context) (azcore.AccessToken, error) {
	token, f := t.current(time.Now())
	if f != nil {
		limited, cancel := httpapi.Preparing(ctx)
		defer cancel()
		var err error
		if token, err = f.wait(limited); err != nil {
			return token, httpapi.Unprepared(limited, err)
		}
	}
	httpapi.Hide(ctx, mailer.NewSecret(token.Token))
	return token, nil
}

// shown is the token of one request, as a credential for azcore's policy, which is to send that one and to wait
// for no other.
type shown struct {
	*tokens
	token azcore.AccessToken
}

// GetToken implements [azcore.TokenCredential]. It asks for claims only when the service has challenged
// the token for lack of them.
func (s *shown) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if options.Claims == "" {
		return s.token, nil
	}
	return s.claim(ctx, options)
}

// claim fetches a token with claims, which serves from then on.
func (t *tokens) claim(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	limited, cancel := httpapi.Preparing(ctx)
	defer cancel()
	f := newFetch()
	go t.run(f, options)
	token, err := f.wait(limited)
	if err != nil {
		return token, httpapi.Unprepared(limited, err)
	}
	httpapi.Hide(ctx, mailer.NewSecret(token.Token))
	return token, nil
}

// current returns the token that is held, or else the fetch to wait for.
func (t *tokens) current(now time.Time) (azcore.AccessToken, *fetch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil || !now.Before(t.held.ExpiresOn) {
		return azcore.AccessToken{}, t.begin()
	}
	renew := t.held.RefreshOn
	if renew.IsZero() {
		renew = t.held.ExpiresOn.Add(-renewBefore)
	}
	if now.After(renew) && now.Sub(t.renewed) > renewPause {
		t.renewed = now
		t.begin()
	}
	return *t.held, nil
}

// begin returns the fetch that is under way, or a new one, also where the credential has not kept to the
// limit of the latest.
func (t *tokens) begin() *fetch {
	if t.fetch == nil || time.Since(t.fetch.began) > fetchLimit {
		t.fetch = newFetch()
		go t.run(t.fetch, t.options)
	}
	return t.fetch
}

func (t *tokens) run(f *fetch, options policy.TokenRequestOptions) {
	ctx, cancel := context.WithTimeout(t.life, fetchLimit)
	defer cancel()
	token, err := t.ask(ctx, options)
	t.mu.Lock()
	defer t.mu.Unlock()
	latest := t.fetch == f
	if latest {
		t.fetch = nil
	}
	if err == nil && (latest || options.Claims != "") {
		t.held = &token
	}
	f.token, f.err = token, err
	close(f.done)
}

var errExpired = errors.New("the credential returned a token that has expired")

// ask asks the credential itself. One that panics must not end the program, which nobody else here could
// keep from it.
func (t *tokens) ask(ctx context.Context, options policy.TokenRequestOptions) (token azcore.AccessToken, err error) {
	defer func() {
		if recover() != nil {
			token, err = azcore.AccessToken{}, errors.New("the credential panicked")
		}
	}()
	token, err = t.getToken(ctx, options)
	now := time.Now()
	switch {
	case err != nil:
		return azcore.AccessToken{}, newCredentialError(err)
	case token.Token == "":
		return azcore.AccessToken{}, errors.New("the credential returned no token")
	case token.ExpiresOn.IsZero():
		token.ExpiresOn = now.Add(undatedToken)
	case !now.Before(token.ExpiresOn):
		return azcore.AccessToken{}, errExpired
	}
	return token, nil
}

// forget drops a token that was refused.
func (t *tokens) forget(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != nil && t.held.Token == token {
		t.held = nil
	}
}

// A credentialError is what a credential says, on one line, and without what no log should hold.
// Those of azidentity repeat whole replies.
type credentialError struct {
	text string // made once: many share the error, and those of azidentity are read from a reply
	err  error
}

func newCredentialError(err error) error {
	return &credentialError{cmp.Or(redact.Text(err.Error()), "the credential failed"), err}
}

func (e *credentialError) Error() string { return e.text }

func (e *credentialError) Unwrap() error { return e.err }
