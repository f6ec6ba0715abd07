package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

const (
	// maxFormBytes limits the body of a request.
	maxFormBytes = 4 << 10
	// sendLimit is how long a client waits for its answer. App Service ends a request after 230 s.
	sendLimit = 15 * time.Second
)

// A service sends links for new passwords.
type service struct {
	sender mailer.Sender
	from   mailer.Address
	log    *slog.Logger
}

// reset sends a link, and says what became of it. Two of them do no harm, none locks the customer
// out: AtLeastOnce.
func (s *service) reset(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	to, err := mailer.Addresses(r.PostFormValue("to"))
	if err != nil || len(to) != 1 {
		reply(w, answer{status: http.StatusBadRequest, Outcome: mailer.NotAccepted.String(), Note: "to is not one address"})
		return
	}
	receipt, err := s.send(r.Context(), &mailer.Message{
		From: s.from, To: to,
		Subject:  "Your new password",
		Text:     "Choose it here: https://shop.example.com/reset/" + rand.Text() + "\n",
		Delivery: mailer.AtLeastOnce,
	})
	if err != nil {
		s.log.Warn("mail not sent, or perhaps not", "error", err)
	}
	reply(w, answerTo(receipt, err))
}

// send is not stopped by a client that hangs up: that could only make a good outcome an unknown one.
func (s *service) send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendLimit)
	defer cancel()
	return s.sender.Send(ctx, msg)
}

// An answer is what a client is told about its message.
type answer struct {
	status     int
	retryAfter time.Duration

	Outcome string `json:"outcome"`
	// Route took the message, under the name ProviderMessageID: with Azure the operation's, by which its
	// delivery events can be found.
	Route             string `json:"route,omitempty"`
	ProviderMessageID string `json:"provider_message_id,omitempty"`
	Note              string `json:"note,omitempty"`
}

// answerTo returns the answer for what Send returned about a message with one recipient.
//
//	accepted                     202
//	unknown                      202, and a note: it must not be asked for again blindly
//	not accepted, for now        503 and Retry-After: nobody has it, so asking again is safe
//	not accepted, the recipient  422
//	not accepted, otherwise      502: the identity's role, the domain, or another setting
func answerTo(receipt *mailer.Receipt, err error) answer {
	if err == nil {
		return answer{
			status: http.StatusAccepted, Outcome: receipt.Outcome.String(),
			Route: receipt.Route, ProviderMessageID: receipt.ProviderMessageID,
		}
	}
	e := mailer.AsSendError(err)
	a := answer{Outcome: e.Outcome.String()}
	switch {
	case e.Outcome != mailer.NotAccepted:
		a.status, a.Note = http.StatusAccepted, "It may have been sent. Look into the mailbox before asking again."
	case errors.Is(e, mailer.ErrRecipientRefused) && !e.Temporary:
		a.status, a.Note = http.StatusUnprocessableEntity, "It was not sent: the address is refused."
	case e.Temporary || e.RetryAfter > 0:
		a.status, a.Note = http.StatusServiceUnavailable, "It was not sent. Ask again later."
		a.retryAfter = max(e.RetryAfter, 30*time.Second)
	default:
		a.status, a.Note = http.StatusBadGateway, "It was not sent. Asking again does not help: somebody has to look at it."
	}
	return a
}

func reply(w http.ResponseWriter, a answer) {
	if a.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(a.retryAfter.Seconds()))))
	}
	writeJSON(w, a.status, a)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone learns nothing more
}
