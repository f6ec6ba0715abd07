package main

import (
	"errors"
	"net/http"

	"github.com/mailkeel/mailkeel/mailer"
)

// resolveDoubt is for somebody who has looked into the provider's log, or asked the recipient:
// the message did arrive, or it did not and is sent again, as the same one, Message-ID and all.
// It stays on the list until it is accepted.
func (s *service) resolveDoubt(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	arrived := r.PostFormValue("arrived")
	if arrived != "yes" && arrived != "no" {
		reply(w, badRequest(errors.New("arrived is neither yes nor no")))
		return
	}
	s.sends.Add(1) // what is left in doubt is on the list before the end is reported
	defer s.sends.Done()
	prepared := s.doubts.take(r.PostFormValue("message_id")) // so that two who ask do not both send it
	if prepared == nil {
		http.NotFound(w, r)
		return
	}
	if arrived == "yes" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	receipt, err := s.deliver(r.Context(), prepared)
	if err != nil && !errors.Is(err, mailer.ErrUnknownOutcome) {
		s.doubts.add(prepared, err)
	}
	reply(w, answerTo(receipt, err))
}
