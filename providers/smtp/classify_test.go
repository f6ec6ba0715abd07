package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/mailkeel/mailkeel/internal/connpool"
	"github.com/mailkeel/mailkeel/internal/smtpwire"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

// wantVerdict spells a verdict out, so that a constant that is changed is seen as such.
type wantVerdict struct {
	Outcome   mailer.Outcome
	Scope     mailer.Scope
	Temporary bool
	Elsewhere bool
}

// The verdicts of the taxonomy, written down a second time.
var (
	wantUnknown  = wantVerdict{mailer.Unknown, mailer.ScopeProvider, false, false}
	wantCut      = wantVerdict{mailer.Unknown, mailer.ScopeCaller, false, false}
	wantCaller   = wantVerdict{mailer.NotAccepted, mailer.ScopeCaller, false, false}
	wantDown     = wantVerdict{mailer.NotAccepted, mailer.ScopeProvider, true, true}
	wantRefuses  = wantVerdict{mailer.NotAccepted, mailer.ScopeProvider, false, true}
	wantRate     = wantVerdict{mailer.NotAccepted, mailer.ScopeRate, true, true}
	wantAccount  = wantVerdict{mailer.NotAccepted, mailer.ScopeAccount, false, true}
	wantForNow   = wantVerdict{mailer.NotAccepted, mailer.ScopeAccount, true, true}
	wantSender   = wantVerdict{mailer.NotAccepted, mailer.ScopeSender, false, true}
	wantTooLarge = wantVerdict{mailer.NotAccepted, mailer.ScopeMessage, false, true}
)

// TestFailureVerdicts pins what a conversation means that ended without a reply that decides:
// by the stage and the cause before the boundary, and by nothing but the caller's ctx after it.
func TestFailureVerdicts(t *testing.T) {
	notFound := &net.DNSError{Err: "no such host", IsNotFound: true}
	timeout := &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	refusedDial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	fresh, worked := route{port: 587}, route{port: 587, worked: true}
	for _, c := range []struct {
		row   int
		stage smtpwire.Stage
		err   error
		code  int
		route route
		want  wantVerdict
	}{
		{1, smtpwire.StageConnect, notFound, 0, fresh, wantAccount}, {1, smtpwire.StageConnect, notFound, 0, worked, wantDown},
		{2, smtpwire.StageConnect, &net.DNSError{Err: "timeout", IsTimeout: true}, 0, fresh, wantDown},
		{3, smtpwire.StageConnect, refusedDial, 0, fresh, wantDown}, {3, smtpwire.StageConnect, timeout, 0, fresh, wantDown},
		{4, smtpwire.StageConnect, timeout, 0, route{port: 25}, wantAccount}, {4, smtpwire.StageConnect, timeout, 0, route{port: 25, worked: true}, wantDown},
		{4, smtpwire.StageConnect, refusedDial, 0, route{port: 25}, wantDown},
		{3, smtpwire.StageConnect, connpool.ErrSaturated, 0, fresh, wantRate}, {3, smtpwire.StageConnect, errNotLoopback, 0, fresh, wantAccount},
		{5, smtpwire.StageTLS, io.EOF, 0, fresh, wantDown}, {5, smtpwire.StageTLS, smtpwire.ErrTimeout, 0, fresh, wantDown},
		{6, smtpwire.StageTLS, &tls.CertificateVerificationError{Err: x509.HostnameError{}}, 0, fresh, wantRefuses},
		{6, smtpwire.StageTLS, fmt.Errorf("tls: %w", x509.UnknownAuthorityError{}), 0, fresh, wantRefuses},
		{8, smtpwire.StageGreeting, smtpwire.ErrTimeout, 0, fresh, wantDown}, {8, smtpwire.StageGreeting, smtpwire.ErrReply, 0, fresh, wantDown},
		{9, smtpwire.StageHello, nil, 550, fresh, wantAccount}, {9, smtpwire.StageHello, io.EOF, 0, fresh, wantDown},
		{10, smtpwire.StageStartTLS, smtpwire.ErrNoStartTLS, 0, fresh, wantRefuses}, {11, smtpwire.StageStartTLS, nil, 454, fresh, wantDown},
		{11, smtpwire.StageStartTLS, nil, 554, fresh, wantRefuses}, {12, smtpwire.StageStartTLS, smtpwire.ErrInjected, 0, fresh, wantRefuses},
		{11, smtpwire.StageStartTLS, io.EOF, 0, fresh, wantDown},
		{13, smtpwire.StageAuth, smtpwire.ErrNoAuth, 0, fresh, wantAccount}, {13, smtpwire.StageAuth, errMechanism, 0, fresh, wantAccount},
		{14, smtpwire.StageAuth, nil, 535, fresh, wantAccount}, {14, smtpwire.StageAuth, fmt.Errorf("%w: no proof", errMechanism), 0, fresh, wantAccount}, {15, smtpwire.StageAuth, syscall.ECONNRESET, 0, fresh, wantDown},
		{15, smtpwire.StageAuth, io.EOF, 0, fresh, wantDown}, {15, smtpwire.StageAuth, io.ErrUnexpectedEOF, 0, fresh, wantDown},
		{15, smtpwire.StageAuth, smtpwire.ErrTimeout, 0, fresh, wantDown}, {15, smtpwire.StageAuth, smtpwire.ErrReply, 0, fresh, wantDown},
		{15, smtpwire.StageAuth, net.ErrClosed, 0, fresh, wantDown},
		{15, smtpwire.StageAuth, refusedDial, 0, fresh, wantDown}, {15, smtpwire.StageAuth, fmt.Errorf("%w: vault", errCredentials), 0, fresh, wantForNow},
		{16, smtpwire.StageMail, nil, 550, fresh, wantSender}, {17, smtpwire.StageMail, nil, 421, fresh, wantDown}, {17, smtpwire.StageMail, io.EOF, 0, worked, wantDown},
		{21, smtpwire.StageRcpt, io.EOF, 0, fresh, wantDown}, {22, smtpwire.StageData, smtpwire.ErrReply, 0, fresh, wantDown},
		{24, smtpwire.StageContent, fmt.Errorf("%w: disk", smtpwire.ErrSource), 0, fresh, wantCaller},
		{16, smtpwire.StageMail, smtpwire.ErrArgument, 0, fresh, wantCaller}, {24, smtpwire.StageMail, fmt.Errorf("%w: disk", eml.ErrSource), 0, fresh, wantCaller},
		{24, smtpwire.StageMail, mailer.ErrInvalidMessage, 0, fresh, wantCaller}, {26, smtpwire.StageRcpt, connpool.ErrClosed, 0, fresh, wantCaller},
		{16, smtpwire.StageMail, mailer.ErrUnsupported, 0, fresh, wantTooLarge}, {16, smtpwire.StageMail, fmt.Errorf("%w: 9", errTooLarge), 0, fresh, wantTooLarge},
		{25, smtpwire.StageContent, smtpwire.ErrTimeout, 0, fresh, wantDown}, {25, smtpwire.StageContent, nil, 552, fresh, wantTooLarge},
		{26, smtpwire.StageContent, context.Canceled, 0, fresh, wantCaller}, {26, smtpwire.StageGreeting, context.DeadlineExceeded, 0, fresh, wantCaller},
		{26, smtpwire.StageContent, smtpwire.ErrCancelled, 0, fresh, wantCaller}, {27, smtpwire.StageContent, io.ErrShortWrite, 0, fresh, wantDown},
	} {
		e := &smtpwire.Error{Stage: c.stage, Err: c.err, Reply: smtpwire.Reply{Code: c.code}}
		if got := wantVerdict(classify(e, false, c.route)); got != c.want {
			t.Errorf("row %d, %v at %v, code %d: got %+v, want %+v", c.row, c.err, c.stage, c.code, got, c.want)
		}
	}
	for _, c := range []struct {
		row   int
		stage smtpwire.Stage
		err   error
		code  int
		want  wantVerdict
	}{
		{28, smtpwire.StageReply, io.EOF, 0, wantUnknown}, {28, smtpwire.StageReply, smtpwire.ErrTimeout, 0, wantUnknown},
		{29, smtpwire.StageReply, io.ErrUnexpectedEOF, 0, wantUnknown}, {30, smtpwire.StageReply, smtpwire.ErrReply, 0, wantUnknown},
		{34, smtpwire.StageReply, context.Canceled, 0, wantCut}, {34, smtpwire.StageReply, context.DeadlineExceeded, 0, wantCut},
		{34, smtpwire.StageReply, connpool.ErrClosed, 0, wantCut},
		// In one flight the boundary comes before the replies to the envelope.
		{28, smtpwire.StageMail, io.EOF, 0, wantUnknown}, {28, smtpwire.StageRcpt, io.EOF, 0, wantUnknown}, {28, smtpwire.StageRcpt, nil, 421, wantUnknown},
		{34, smtpwire.StageMail, context.Canceled, 0, wantCut}, {30, smtpwire.StageMail, smtpwire.ErrReply, 0, wantUnknown},
		{16, smtpwire.StageMail, nil, 550, wantSender}, {17, smtpwire.StageMail, nil, 421, wantDown},
	} {
		e := &smtpwire.Error{Stage: c.stage, Err: c.err, Reply: smtpwire.Reply{Code: c.code}}
		if got := wantVerdict(classify(e, true, fresh)); got != c.want {
			t.Errorf("released, row %d, %v at %v, code %d: got %+v, want %+v", c.row, c.err, c.stage, c.code, got, c.want)
		}
	}
}
