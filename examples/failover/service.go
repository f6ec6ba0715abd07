package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"sync"

	"github.com/mailkeel/mailkeel/mailer"
)

// maxFormBytes limits the body of a request.
const maxFormBytes = 4 << 10

// A service sends the mail of a shop.
type service struct {
	sender closingSender
	from   mailer.Address
	log    *slog.Logger
	limits limits
	doubts doubts
	sends  sync.WaitGroup // those under way
}

type closingSender interface {
	mailer.Sender
	mailer.Closer
}

func (s *service) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /reset", s.reset)
	mux.HandleFunc("POST /order", s.order)
	mux.HandleFunc("GET /doubts", s.listDoubts)
	mux.HandleFunc("POST /doubts", s.resolveDoubt)
	mux.HandleFunc("GET /healthz", s.health)
}

// reset sends a link. Two of them do no harm, none locks the customer out: AtLeastOnce.
func (s *service) reset(w http.ResponseWriter, r *http.Request) {
	to, err := recipient(w, r)
	if err != nil {
		reply(w, badRequest(err))
		return
	}
	reply(w, s.send(r, &mailer.Message{
		From: s.from, To: []mailer.Address{to},
		Subject:  "Your new password",
		Text:     "Choose it here: https://shop.example.com/reset/" + rand.Text() + "\n",
		Delivery: mailer.AtLeastOnce,
	}))
}

var orderNumber = regexp.MustCompile(`^[0-9]{1,12}$`)

// order sends a receipt. A second one would look like a second order: AtMostOnce.
func (s *service) order(w http.ResponseWriter, r *http.Request) {
	to, err := recipient(w, r)
	number := r.PostFormValue("order")
	if err == nil && !orderNumber.MatchString(number) {
		err = errors.New("order is not a number")
	}
	if err != nil {
		reply(w, badRequest(err))
		return
	}
	reply(w, s.send(r, &mailer.Message{
		From: s.from, To: []mailer.Address{to},
		Subject:  "Receipt for order " + number,
		Text:     "Thank you for order " + number + ".\n",
		Delivery: mailer.AtMostOnce,
	}))
}

// recipient returns the one address that the form names.
func recipient(w http.ResponseWriter, r *http.Request) (mailer.Address, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	list, err := mailer.Addresses(r.PostFormValue("to"))
	if err != nil || len(list) != 1 {
		return mailer.Address{}, errors.New("to is not one address")
	}
	return list[0], nil
}

// send sends msg and returns the answer to who asked for it.
func (s *service) send(r *http.Request, msg *mailer.Message) answer {
	prepared, err := mailer.Prepare(msg) // settles the Message-ID, by which a doubt is looked up
	if err != nil {
		return answerTo(nil, err)
	}
	return answerTo(s.deliver(r.Context(), prepared))
}

// deliver sends prepared, and keeps it when it is unknown whether it was sent. A client that hangs
// up does not stop it: that could only make a good outcome an unknown one.
func (s *service) deliver(ctx context.Context, prepared *mailer.Message) (*mailer.Receipt, error) {
	s.sends.Add(1)
	defer s.sends.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.send)
	defer cancel()
	receipt, err := s.sender.Send(ctx, prepared)
	if errors.Is(err, mailer.ErrUnknownOutcome) {
		s.doubts.add(prepared, err)
	}
	return receipt, err
}
