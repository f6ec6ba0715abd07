package main

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// The notes of answers.
const (
	noteUnknown = "It may have been sent and is not sent again by itself. It is kept under /doubts."
	noteLater   = "It was not sent. Ask again later."
	noteRefused = "It was not sent: the address is refused."
	noteBroken  = "It was not sent. Asking again does not help: somebody has to look at it."
)

// usualWait is what clients are told where no provider says how long to wait.
const usualWait = 30 * time.Second

// An answer is what a client is told about its message.
type answer struct {
	status     int
	retryAfter time.Duration

	Outcome   string `json:"outcome"`
	MessageID string `json:"message_id,omitempty"`
	Note      string `json:"note,omitempty"`
}

// answerTo returns the answer for what Send returned about a message with one recipient.
//
//	accepted                     202
//	unknown                      202, and a note: it must not be asked for again blindly
//	not accepted, for now        503 and Retry-After: nobody has it, so asking again is safe
//	not accepted, the recipient  422
//	not accepted, otherwise      502: credentials, the set-up, or the message
func answerTo(receipt *mailer.Receipt, err error) answer {
	if err == nil {
		return answer{status: http.StatusAccepted, Outcome: receipt.Outcome.String(), MessageID: receipt.MessageID}
	}
	e := mailer.AsSendError(err)
	a := answer{Outcome: e.Outcome.String(), MessageID: e.Receipt.MessageID}
	switch {
	case e.Outcome != mailer.NotAccepted:
		a.status, a.Note = http.StatusAccepted, noteUnknown
	case errors.Is(e, mailer.ErrRecipientRefused) && !e.Temporary:
		a.status, a.Note = http.StatusUnprocessableEntity, noteRefused
	case e.Temporary || e.RetryAfter > 0 || e.Scope == mailer.ScopeCaller && !errors.Is(e, mailer.ErrInvalidMessage):
		// Of the caller's doings two are left here: its time was up, or the program is ending.
		a.status, a.Note, a.retryAfter = http.StatusServiceUnavailable, noteLater, usualWait
		if e.RetryAfter > 0 {
			a.retryAfter = e.RetryAfter
		}
	default:
		a.status, a.Note = http.StatusBadGateway, noteBroken
	}
	return a
}

// badRequest answers what never came to be a message.
func badRequest(err error) answer {
	return answer{status: http.StatusBadRequest, Outcome: mailer.NotAccepted.String(), Note: err.Error()}
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
	body := json.NewEncoder(w)
	body.SetEscapeHTML(false) // a Message-ID is to be copied as it is
	_ = body.Encode(v)        // a client that is gone learns nothing more
}
