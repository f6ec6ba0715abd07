package sendertest

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// boundaryCases compare the verdict about every fault with the truth.
func boundaryCases() []testCase {
	var all []testCase
	for _, f := range Faults() {
		n := 4
		if f == NoiseAfter {
			n = 5
		}
		all = append(all, testCase{n, strings.ReplaceAll(f.String(), " ", "_"), func(s *scene) {
			s.endure(f)
			s.accept(context.Background(), s.message()) // no broken connection is used again
		}})
	}
	return append(all,
		testCase{4, "content_fails_while_read", contentFails},
		testCase{4, "content_is_shorter_than_it_said", contentShrinks},
	)
}

// retryAfter is what the provider says in RateLimitedFor.
const retryAfter = 17 * time.Second

// endure sends one message that meets f, and checks verdict and truth.
func (s *scene) endure(f Fault) {
	s.Helper()
	step, m := Step{Fault: f}, s.message()
	switch f {
	case LostInContent:
		m = s.large()
	case RecipientRefused:
		step.Recipient, m = middle, s.crowd()
	case RateLimitedFor:
		step.RetryAfter = retryAfter
	}
	r := s.outlast(step, m)
	truth := s.verify(r)
	s.want(r, f.Verdict())
	if got, want := len(copiesOf(truth, r.subject)), f.Verdict().Copies; got != want {
		s.broke(rule(8), "after %q the provider has %d copies, want %d", f, got, want)
	}
	// A time of day, as Retry-After may also be given, loses up to a second.
	if got, want := r.sendError().RetryAfter, step.RetryAfter; got > want || got < want-2*time.Second {
		s.broke(quote(docRetryAfter), "after %q it is %v, want %v", f, got, want)
	}
}

// outlast sends m and ends a silence: before the boundary through CommitBy, after it
// through ctx.
func (s *scene) outlast(step Step, m *mailer.Message) *result {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if step.Fault == SilentBefore {
		ctx = mailer.WithGate(ctx, &mailer.Gate{CommitBy: time.Now().Add(brief)})
	}
	reached := s.meet(step)
	x := s.start(ctx, m)
	if step.Fault == SilentAfter {
		s.await(reached, "the provider has the message")
		cancel()
	}
	return x.wait(patience)
}

func contentFails(s *scene) {
	broken := errors.New("the disk is gone")
	m := s.attached(1<<20, func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<19)), &failing{err: broken})), nil
	})
	s.checkContentFailure(m)
}

func contentShrinks(s *scene) {
	m := s.attached(1<<20, func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<19))), nil
	})
	s.checkContentFailure(m)
}

// checkContentFailure sends m, of which the content cannot be had: no part of it may
// pass for the whole.
func (s *scene) checkContentFailure(m *mailer.Message) {
	s.Helper()
	r := s.start(context.Background(), m).wait(patience)
	truth := s.verify(r)
	if truth.Whole != 0 || len(truth.Copies) != 0 {
		s.broke(rule(4), "the content could not be read, and the provider has %d messages and %d copies", truth.Whole, len(truth.Copies))
	}
	if e := r.sendError(); r.outcome() != mailer.NotAccepted || e.Scope != mailer.ScopeCaller || e.Elsewhere {
		s.broke(rule(4), "the content could not be read, and the verdict is %s, scope %s, elsewhere %t", r.outcome(), e.Scope, e.Elsewhere)
	}
	s.accept(context.Background(), s.message())
}

// failing is a reader that fails.
type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }
