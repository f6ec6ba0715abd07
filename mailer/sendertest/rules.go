package sendertest

import "fmt"

// rules are the numbered rules of mailer.Sender, word for word.
var rules = [...]string{
	1:  "Send returns a nil error if and only if every recipient was accepted; the Receipt is then not nil and its Outcome is [Accepted].",
	2:  "When some recipients were accepted and the others refused, it returns a Receipt and a [*SendError] that holds the same Receipt.",
	3:  "Otherwise the Receipt is nil and the error is a [*SendError] with the account of the send.",
	4:  "The verdict follows the boundary rule: before the last byte that the provider needs was released, every failure is [NotAccepted]; after it, without a complete and understood reply, the verdict is [Unknown].",
	5:  "What fails after acceptance is no error.",
	6:  "Send never changes msg.",
	7:  "Send is safe for concurrent use.",
	8:  "One Send of an adapter is one attempt: at most one copy that could be accepted. It speaks a second time only when the first request was definitely refused.",
	9:  "Send returns soon after ctx ends: NotAccepted before the boundary, Unknown after it, in both cases with [ScopeCaller], and the error wraps ctx's error.",
	10: "A [Gate] carried by ctx is committed once, just before the boundary; when Commit returns false, nothing more is sent and the verdict is NotAccepted.",
	11: "What is essential and cannot be carried is refused with [ErrUnsupported] before anything is sent; what is advisory and left out is named in Receipt.Degraded.",
	12: "No error, receipt or printed configuration shows a secret.",
	13: "What Send returns belongs to the caller: it is made anew for each send, and the Sender keeps nothing of it.",
}

// rule quotes rule n.
func rule(n int) string { return fmt.Sprintf("rule %d, %q", n, rules[n]) }

// The documentation of the other parts of the contract, word for word.
const (
	docRecipients = "one result for each recipient of the envelope, in the order To, Cc, Bcc, without repetitions."
	docOneResult  = "Outcome is Accepted, NotAccepted or Unknown."
	docRollUp     = "Unknown if any is Unknown or there are none, else Accepted if all are, else PartlyAccepted if any is, else NotAccepted."
	docAttempts   = "Attempts holds every attempt in order, failed ones too"
	docScope      = "A Scope says whose fault a failure is"
	docProtocol   = `Protocol says what Code is: "smtp" or "http"; empty when Code is zero.`
	docRetryAfter = "RetryAfter is how long to wait, as the provider or a local limit says; zero when neither does."
	docSentinels  = "they speak of its final verdict only"
	docMessageID  = "every attempt at every provider then carries the same."
	docKey        = "IdempotencyKey is the key under which every attempt was made."
	docPhase      = "Phase is how far it got."
	docCommitBy   = "CommitBy is the time by which the attempt must have committed or given up"
	docInvalid    = "ErrInvalidMessage: the message itself cannot be sent by anyone as it is."
	docAllOrNone  = "AllOrNone refuses the whole message when one recipient is refused."
	docEnvelope   = "an envelope with fewer recipients than the header shows"
	docNamed      = "Named tells how receipts call what a Sender sends through"
	docParent     = "It is committed together with the first of its parts, and marked with the furthest that one of them got."
	docClose      = "new sends fail with [ErrClosed], those under way are waited for until ctx ends, then cut off, and everything is released. A second Close does nothing,"
)

// quote sets off a piece of documentation.
func quote(doc string) string { return fmt.Sprintf("%q", doc) }
