package sendgridtest

import (
	"crypto/rand"
	"net/http"
)

func (s *Server) createBatch(*Request, string) Answer {
	id := rand.Text() + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches[id] = true
	return encode(http.StatusCreated, map[string]string{"batch_id": id})
}

func (s *Server) getBatch(_ *Request, id string) Answer {
	if !s.knowsBatch(id) {
		return Errors(http.StatusBadRequest, Error{Message: "invalid batch id"})
	}
	return encode(http.StatusOK, map[string]string{"batch_id": id})
}

func (s *Server) knowsBatch(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.batches[id]
}
