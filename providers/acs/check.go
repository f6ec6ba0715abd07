package acs

import (
	"context"
	"net/http"
	"strings"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/mailer"
)

// A Proof is what a probe has shown.
type Proof struct {
	// Reached means that the endpoint was reached, over TLS unless that is off.
	Reached bool
	// Credential means that the service took the key or the token. Whether the identity behind a token has
	// the role that sending needs is not shown by it.
	Credential bool
}

// String tells what was proven, and what cannot be.
func (p Proof) String() string {
	words := []string{"not reached", "credential not proven"}
	if p.Reached {
		words[0] = "reached"
	}
	if p.Credential {
		words[1] = "credential valid"
	}
	return strings.Join(append(words, "domain link, role and quota cannot be proven"), "; ")
}

// Check implements [mailer.Checker]; see [Client.Probe]. Nil means that the service was reached and, where the
// quota of status reads allowed it to be asked, that it took the credential.
func (c *Client) Check(ctx context.Context) error {
	_, err := c.Probe(ctx)
	return err
}

// probeID is an operation that nobody has.
const probeID = "00000000-0000-4000-8000-000000000000"

// Probe finds out what can be found out without sending. It asks for an operation that nobody has, which costs a
// status read and shows that the credential is taken. Where less than half of these are left, and
// always once this client has sent from a domain that Azure manages, which has only 20 an hour,
// it makes a request without a credential, which costs nothing and shows that the service is there; a
// token is fetched all the same. The error is a [*mailer.SendError]; Proof holds what was shown before it.
func (c *Client) Probe(ctx context.Context) (Proof, error) {
	if c.quotas.isManaged("") {
		return c.knock(ctx)
	}
	a, seen := c.question(), &replies{}
	reply, err := c.get(ctx, a, "", operationPath+probeID, probeSpare, seen)
	if err == nil && reply.JSON(new(operation)) {
		return Proof{Reached: true, Credential: true}, nil
	}
	if err == nil { // a page, of whoever answers to everything
		err = a.Refuse(ledger.ProviderDown, ledger.Reason{Protocol: "http", Code: reply.Status}, errNotUnderstood)
	}
	switch e := mailer.AsSendError(err); {
	case e.Scope == mailer.ScopeRate: // theirs or ours
		return c.knock(ctx)
	case seen.isAboutOperation(e.Code):
		return Proof{Reached: true, Credential: true}, nil
	default:
		e.Err = seen.explain(e)
		return Proof{Reached: e.Code != 0}, e
	}
}

// probeSpare is the share of status reads in percent that checks leave to others.
const probeSpare = 50

// isAboutOperation: the service itself has looked for the operation. UNVERIFIED: whether it says
// 404 or 400 then.
func (s *replies) isAboutOperation(status int) bool {
	return s.problem.code != "" && (status == http.StatusNotFound || status == http.StatusBadRequest)
}

// knock makes a request that any answer is good for.
func (c *Client) knock(ctx context.Context) (Proof, error) {
	a, api := c.question(), c.api
	api.Replies = &replies{}
	_, err := api.GetBy(ctx, a, func(ctx context.Context) error {
		if c.tokens != nil {
			if _, err := c.tokens.prepare(ctx); err != nil {
				return err
			}
		}
		req, err := c.request(ctx, http.MethodGet, "/", nil)
		if err != nil {
			return err
		}
		res, err := httpapi.Transport{}.Do(req.Raw())
		if err != nil {
			return err
		}
		return res.Body.Close()
	})
	if err == nil || mailer.AsSendError(err).Code != 0 {
		return Proof{Reached: true}, nil
	}
	return Proof{}, err
}
