package sendertest

import (
	"context"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Harness is a Sender under test and the fake provider that it sends to. Every
// case gets one of its own; what must be shut down is left to Cleanup of the test.
type Harness struct {
	// Sender is what is tested. Its own time limits are longer than ten seconds, or
	// the defaults, so that they do not end what the suite means to end.
	Sender mailer.Sender
	// Provider is the fake.
	Provider Provider
	// From is a sender that Provider takes; zero means sender@example.com.
	From mailer.Address
	// Lacks are features that the capabilities of Sender have and Provider has not, which
	// shows only when they talk, such as an SMTP extension that Provider does not announce.
	// What is essential among them is refused before any content is sent.
	Lacks mailer.Feature
	// Secrets are the passwords, keys and tokens that Sender holds, in clear, long
	// enough not to appear by chance. It is empty only when Sender holds none.
	Secrets []string
	// NotApplicable names the faults that the protocol cannot have, each with the
	// reason, which the skipped case shows. Faults for which [Fault.Core] is true
	// cannot stand here.
	NotApplicable map[Fault]string
}

// A Provider is the fake that a Sender sends to. Its methods are called from several
// goroutines.
type Provider interface {
	// Meet says what the next attempt that has no step yet meets; steps are used in
	// the order of the calls, one an attempt, and without a step an attempt is
	// accepted. For a fault of connecting or of authenticating, idle connections that Sender
	// keeps are ended first, so that it must connect.
	//
	// The channel is closed when the attempt has come to the point of the fault: the
	// silence has begun, the connection is gone, the reply was sent or withheld.
	Meet(step Step) (reached <-chan struct{})

	// Truth ends every silence that is still kept, waits until nothing that Sender
	// sent is on its way or worked on, and tells what happened since the start. It
	// gives up when ctx ends. Connections that lie idle are not waited for. A case may
	// ask several times; silences that begin after Truth are kept as those before it.
	Truth(ctx context.Context) Truth
}

// A Step is what one attempt meets.
type Step struct {
	Fault Fault
	// Recipient is the address that [RecipientRefused] refuses; empty with other faults.
	Recipient string
	// RetryAfter is what [RateLimitedFor] tells the client, in whole seconds; zero with
	// other faults.
	RetryAfter time.Duration
	// Hold, when it is not nil, makes the provider wait until it is closed, or the
	// client is gone, and then go on. It is used with NoFault, where the provider holds
	// its reply back after it has everything, and with SilentBefore, where the attempt
	// then goes on as with NoFault.
	Hold <-chan struct{}
}

// Truth is what a provider really did.
type Truth struct {
	// Copies are the accepted copies, in order. A message that the provider recognised
	// as a repetition and did not accept anew is not among them.
	Copies []Copy
	// Whole counts the messages of which the last byte arrived, whatever became of them.
	Whole int
	// Contacts counts the connections, or where they are kept open the requests, that
	// arrived since the start, for whatever purpose.
	Contacts int
}

// A Copy is one accepted copy of a message.
type Copy struct {
	// Subject is its Subject, by which the suite knows its messages.
	Subject string
	// Recipients are the addresses for which it was accepted, those of Bcc among them.
	Recipients []string
	// MessageID is the Message-ID that Sender gave, angle brackets included; empty
	// only where the protocol has no place for it.
	MessageID string
	// IdempotencyKey is the key that Sender gave, in the provider's form; empty where
	// the protocol has no place for it.
	IdempotencyKey string
}
