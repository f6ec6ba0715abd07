package mailer

import "time"

// A Receipt is the one account of a send: what became of the message, for whom,
// through whom, and what was tried on the way. It belongs to the caller of Send, who
// alone may change it: a router, for example, adds what it tried before.
type Receipt struct {
	// Outcome is the verdict about the whole message.
	Outcome Outcome `json:"outcome"`
	// Provider is the kind of provider that decided it, such as "smtp" or "sendgrid".
	Provider string `json:"provider"`
	// Route is the configured name of the route that decided it.
	Route string `json:"route"`
	// ProviderMessageID is the provider's own name for the message, as it gave it; not the Message-ID.
	ProviderMessageID string `json:"provider_message_id"`
	// MessageID is the Message-ID header field of RFC 5322, angle brackets included.
	MessageID string `json:"message_id"`
	// IdempotencyKey is the key under which every attempt was made.
	IdempotencyKey string `json:"idempotency_key"`
	// Recipients holds one result for each recipient of the envelope, in the order To,
	// Cc, Bcc, without repetitions. It is empty when the message was refused as invalid.
	Recipients []RecipientResult `json:"recipients"`
	// Attempts holds every attempt in order, failed ones too: a success through the
	// backup shows here that the primary failed.
	Attempts []Attempt `json:"attempts"`
	// Degraded names the advisory features that were left out; see [Feature].
	Degraded []string `json:"degraded"`
}

// A RecipientResult is the verdict about one recipient.
type RecipientResult struct {
	// Address is the recipient as the envelope has it: an international domain is in its ASCII form.
	Address string `json:"address"`
	// Outcome is Accepted, NotAccepted or Unknown.
	Outcome Outcome `json:"outcome"`
	// Scope says whose fault a failure is.
	Scope Scope `json:"scope"`
	// Code is the reply code of SMTP or the status of HTTP; zero when there was no reply.
	Code int `json:"code"`
	// EnhancedCode is the status code of RFC 3463, such as "5.1.1"; empty when there was none.
	EnhancedCode string `json:"enhanced_code,omitempty"`
	// Detail is what the provider said, quoted for display: shortened, without control
	// characters and without addresses. Decide nothing by it.
	Detail string `json:"detail,omitempty"`
	// Temporary means that the same provider may accept this recipient later.
	Temporary bool `json:"temporary,omitempty"`
	// Elsewhere means that another provider, or another transaction, may accept this recipient.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// RetryAfter is how long to wait, as the provider or a local limit says; zero when
	// neither does. In JSON, nanoseconds.
	RetryAfter time.Duration `json:"retry_after,omitempty"`
	// Provider, Route and ProviderMessageID say who decided about this recipient.
	Provider          string `json:"provider,omitempty"`
	Route             string `json:"route,omitempty"`
	ProviderMessageID string `json:"provider_message_id,omitempty"`
}

// An Attempt is one try of one route, or the record that a route was passed over.
type Attempt struct {
	// Route and Provider are the route's name and the kind of provider.
	Route    string `json:"route"`
	Provider string `json:"provider"`
	// Start and Duration say when it ran. In JSON, Duration is in nanoseconds.
	Start    time.Time     `json:"start"`
	Duration time.Duration `json:"duration"`
	// Phase is how far it got.
	Phase   Phase   `json:"phase"`
	Outcome Outcome `json:"outcome"`
	Scope   Scope   `json:"scope"`
	Code    int     `json:"code"`
	// EnhancedCode is the status code of RFC 3463; empty when there was none.
	EnhancedCode string `json:"enhanced_code,omitempty"`
	// Detail is what went wrong, for display, like the Detail of a RecipientResult.
	Detail string `json:"detail,omitempty"`
	// Decision is what followed: "done", "stop", "next route" (one that was not tried), "retry"
	// (one that was, after a wait where need be), "replay" (the same one, which knows the message by its
	// key, so that this makes no second copy), "ask" (the provider what became of it).
	Decision string `json:"decision"`
	// Skipped says why the route was not tried; empty when it was.
	Skipped string `json:"skipped,omitempty"`
}

// RollUp returns the outcome of the whole that the recipients' results amount to:
// Unknown if any is Unknown or there are none, else Accepted if all are, else
// PartlyAccepted if any is, else NotAccepted.
func RollUp(results []RecipientResult) Outcome {
	accepted, refused := 0, 0
	for i := range results {
		switch results[i].Outcome {
		case Accepted:
			accepted++
		case NotAccepted:
			refused++
		default:
			return Unknown
		}
	}
	switch {
	case accepted+refused == 0:
		return Unknown
	case refused == 0:
		return Accepted
	case accepted > 0:
		return PartlyAccepted
	}
	return NotAccepted
}
