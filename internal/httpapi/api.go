package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/internal/redact"
	"github.com/mailkeel/mailkeel/mailer"
)

// Replies is what an adapter knows of its provider's replies. Both methods are pure.
type Replies interface {
	// Accepted returns the provider's name for the message if the reply, whose status is 2xx
	// and whose body is whole, is an acceptance exactly as the provider documents it.
	// It is made of visible ASCII characters; see [IsID].
	Accepted(*Reply) (id string, ok bool)
	// Problem reads a reply that is none.
	Problem(*Reply) Problem
}

// maxID is well above what any provider calls a message.
const maxID = 512

// IsID reports whether s can be a provider's name for a message: visible ASCII, and not too long.
func IsID(s string) bool {
	return s != "" && len(s) <= maxID && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// An API is a provider behind a Client: its credential, and what its replies mean.
type API struct {
	Client *Client
	// Credential is asked for at every request.
	Credential mailer.SecretSource
	// Authorization makes the value of the header field of that name.
	Authorization func(secret string) string
	Replies       Replies
	// Distrust5xx makes a 500 or 503 Unknown even where the provider itself gives the reason.
	Distrust5xx bool
}

// Send makes the one attempt a, by req. It speaks a second time only where the
// credential was refused, its source can fetch another, and did. req's Gate is a's.
func (p *API) Send(ctx context.Context, a *ledger.Attempt, req *Request) (*mailer.Receipt, error) {
	req.Gate = a.Gate
	res, secret := p.call(ctx, req, a.Mark)
	return p.account(a, res, secret)
}

// account says what became of an attempt.
func (p *API) account(a *ledger.Attempt, res Result, secret mailer.Secret) (*mailer.Receipt, error) {
	if res.Reply != nil && res.Reply.Status/100 == 2 && res.Reply.Whole && !res.Reply.Early {
		if id, ok := p.Replies.Accepted(res.Reply); ok {
			return a.Accept(res.Reply.Status, redact.Secrets(id, secret.Reveal())), nil
		}
	}
	return nil, p.refuse(a, res, secret)
}

// Get asks the provider something that sends no message. The reply is one of 2xx that came
// whole; any other is a *mailer.SendError, in the name of a.
func (p *API) Get(ctx context.Context, a *ledger.Attempt, req *Request) (*Reply, error) {
	res, secret := p.call(ctx, req, a.Mark)
	return p.answered(a, res, secret)
}

// answered says what became of a question.
func (p *API) answered(a *ledger.Attempt, res Result, secret mailer.Secret) (*Reply, error) {
	if res.Reply != nil && res.Reply.Status/100 == 2 && res.Reply.Whole {
		return res.Reply, nil
	}
	return nil, p.unanswered(a, res, secret)
}

// call makes one exchange, and another with a fresh credential where the first one's was refused.
func (p *API) call(ctx context.Context, req *Request, mark func(mailer.Phase)) (Result, mailer.Secret) {
	if err := p.Client.acquire(ctx, req.Gate, mark); err != nil {
		return p.Client.failed(err), mailer.Secret{}
	}
	defer p.Client.pool.Release()
	mark(mailer.PhaseAuth)
	secret, err := p.secret(ctx, req.Gate)
	if err != nil {
		return Result{Err: err}, secret
	}
	req.authorization = p.Authorization(secret.Reveal())
	mark(mailer.PhaseConnect)
	res := p.Client.do(ctx, req, mark)
	source, ok := p.Credential.(mailer.Refresher)
	if !ok || res.Reply == nil || res.Reply.Status != http.StatusUnauthorized {
		return res, secret
	}
	source.Refresh()
	fresh, err := p.secret(ctx, req.Gate)
	if err != nil || fresh.Equal(secret) {
		return res, secret
	}
	req.authorization = p.Authorization(fresh.Reveal())
	return p.Client.do(ctx, req, mark), fresh
}

// secret asks for the credential within the time that connecting has, and until Close cuts it off.
func (p *API) secret(ctx context.Context, gate *mailer.Gate) (mailer.Secret, *Error) {
	cut := p.Client.pool.Cut()
	limited := ctx
	if _, fixed := p.Credential.(mailer.Secret); !fixed {
		var cancel context.CancelFunc
		limited, cancel = context.WithDeadline(ctx, p.Client.limits(ctx, gate).Connect)
		defer cancel()
		defer context.AfterFunc(cut, cancel)()
	}
	secret, err := p.Credential.Secret(limited)
	switch {
	case err != nil && cut.Err() != nil && ctx.Err() == nil:
		return secret, &Error{StageCredential, connpool.ErrClosed}
	case err == nil && secret.IsZero():
		err = errors.New("it is empty")
	case err == nil && !isFieldValue(secret.Reveal()):
		err = errors.New("it has a character that no key has")
	case isContextError(err) && ctx.Err() == nil:
		err = fmt.Errorf("%w: its source took too long", netconn.ErrTimeout) // nobody cancelled anything
	}
	if err != nil {
		return secret, &Error{StageCredential, err}
	}
	return secret, nil
}

// saturatedRetry is when a connection is likely to be free: a message takes less.
const saturatedRetry = time.Second

// refuse accounts for everything that is no acceptance.
func (p *API) refuse(a *ledger.Attempt, res Result, secret mailer.Secret) *mailer.SendError {
	return a.Refuse(p.judge(res, secret))
}

// unanswered accounts for a question that was not answered. There is no message whose fate
// could be unknown.
func (p *API) unanswered(a *ledger.Attempt, res Result, secret mailer.Secret) *mailer.SendError {
	v, why, err := p.judge(res, secret)
	switch v {
	case ledger.Unknown:
		v = ledger.ProviderDown
	case ledger.UnknownByCaller:
		v = ledger.CallerFault
	}
	if res.Reply != nil && res.Reply.Status/100 == 2 && res.Err == nil {
		if err = ErrReply; why.Text != "" {
			err = fmt.Errorf("%w: %s", ErrReply, why.Text)
		}
	}
	return a.Refuse(v, why, err)
}

// Unresolved makes the error of a [mailer.Resolver] out of that of a question. The question's own
// verdict, that nothing was sent, must not be taken for one about the message.
func Unresolved(err error) error {
	e := mailer.AsSendError(err)
	for _, kind := range [...]error{mailer.ErrUnauthorized, mailer.ErrRateLimited, mailer.ErrUnavailable} {
		if errors.Is(e, kind) {
			return fmt.Errorf("%s: not resolved: %w: %w", e.Receipt.Provider, kind, e.Err)
		}
	}
	return fmt.Errorf("%s: not resolved: %w", e.Receipt.Provider, e.Err)
}

// judge says what became of an exchange that is no acceptance.
func (p *API) judge(res Result, secret mailer.Secret) (ledger.Verdict, ledger.Reason, error) {
	if res.Reply == nil {
		why := ledger.Reason{}
		if errors.Is(res.Err, connpool.ErrSaturated) {
			why.RetryAfter = saturatedRetry
		}
		return classifyFailure(res.Err, res.Released), why, cause(res.Err)
	}
	problem := p.Replies.Problem(res.Reply)
	v := classifyReply(res.Reply, problem, p.Distrust5xx)
	if v == ledger.Unknown && res.Err != nil && isCallers(res.Err.Err) {
		v = ledger.UnknownByCaller // it ended within the reply
	}
	text := redact.Text(problem.Text, secret.Reveal())
	why := ledger.Reason{Protocol: "http", Code: res.Reply.Status, Text: text}
	if v.Outcome == mailer.NotAccepted && v.Temporary {
		if why.RetryAfter = RetryAfter(res.Reply.Header, time.Now()); why.RetryAfter == 0 {
			why.RetryAfter = problem.Wait
		}
	}
	return v, why, reason(res, text)
}

// reason is the cause of the error, which says the status itself.
func reason(res Result, text string) error {
	if text == "" {
		text = strings.ToLower(http.StatusText(res.Reply.Status))
	}
	if text == "" {
		text = "no reason given" // a status without a name
	}
	switch {
	case res.Reply.Status/100 == 2 && !res.Reply.Whole && res.Err != nil:
		return fmt.Errorf("reply incomplete: %w", res.Err)
	case res.Reply.Status/100 == 2:
		sum := sha256.Sum256(res.Reply.Body)
		return fmt.Errorf("not what the provider says when it accepts: %s (%d bytes, sha256 %x)", text, len(res.Reply.Body), sum[:8])
	case res.Reply.Status/100 == 3:
		return errors.New(text + ": redirects are not followed")
	}
	return errors.New(text)
}

func join(sentinel error, err error) error { return fmt.Errorf("%w: %w", sentinel, err) }
