package httpapi

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/mailkeel/mailkeel/internal/netconn"
	"github.com/mailkeel/mailkeel/mailer"
)

// A Stage is a step of an exchange.
type Stage int

// The stages in their order. StageBody ends when the last byte is released.
const (
	StageConnect Stage = iota
	StageProxy
	StageTLS
	StageCredential
	StageBody
	StageReply
)

var stageNames = [...]string{"connect", "proxy", "tls handshake", "credential", "request", "reply"}

// String returns the name that error texts use.
func (s Stage) String() string { return stageNames[s] }

var (
	// ErrCancelled means that the gate did not let the request go.
	ErrCancelled = errors.New("cancelled before the request was complete")
	// ErrSource means that the content failed while it was read.
	ErrSource = errors.New("content failed")
	// ErrRequest means that the request cannot be written as it is.
	ErrRequest = errors.New("request cannot be written")
	// ErrReply means that what came is no HTTP reply, or too long for one.
	ErrReply = errors.New("reply not understood")
	// ErrNotLoopback means that plain HTTP would leave this machine.
	ErrNotLoopback = errors.New("the connection does not stay on this machine, and plain HTTP is for this machine only")
	// ErrProxyAddress means that there is no knowing where the proxy is, or of what kind.
	ErrProxyAddress = errors.New("the proxy's address cannot be used")
	// ErrProxyAuth means that the proxy wants other credentials.
	ErrProxyAuth = errors.New("the proxy refused its credentials")
)

// An Error says where an exchange ended without a reply, and why.
type Error struct {
	Stage Stage
	Err   error
}

// Error returns one line.
func (e *Error) Error() string { return e.Stage.String() + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// isOutage reports whether the credential's source is in trouble, and not the credential.
func (e *Error) isOutage() bool {
	return e.Stage == StageCredential && (errors.Is(e.Err, netconn.ErrTimeout) || errors.Is(e.Err, mailer.ErrUnavailable))
}

// isTLSPolicy reports whether the server could not prove who it is.
func (e *Error) isTLSPolicy() bool {
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	return errors.As(e.Err, &certificate) || errors.As(e.Err, &authority)
}

// sourceFailed makes an error of a body about its content, if it does not say so itself.
func sourceFailed(err error) error {
	if errors.Is(err, ErrSource) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrSource, err)
}
