package main

import (
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// maxDoubts limits what is kept; the oldest make room.
const maxDoubts = 1000

// doubts are the messages that were sent with an unknown outcome. They are kept in memory
// here; a shop keeps them in its database.
type doubts struct {
	mu   sync.Mutex
	list []doubt
}

type doubt struct {
	prepared *mailer.Message

	MessageID string    `json:"message_id"`
	Subject   string    `json:"subject"`
	Since     time.Time `json:"since"`
	Detail    string    `json:"detail"`
}

func (d *doubts) add(prepared *mailer.Message, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.list) == maxDoubts {
		d.list = slices.Delete(d.list, 0, 1)
	}
	d.list = append(d.list, doubt{prepared, prepared.MessageID, prepared.Subject, time.Now(), err.Error()})
}

// take removes the message with that Message-ID and returns it; nil when it is not there.
func (d *doubts) take(messageID string) *mailer.Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.list, func(m doubt) bool { return m.MessageID == messageID })
	if i < 0 {
		return nil
	}
	prepared := d.list[i].prepared
	d.list = slices.Delete(d.list, i, i+1)
	return prepared
}

func (d *doubts) all() []doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]doubt{}, d.list...) // not nil, which JSON would show as null
}

// report logs what is forgotten when the program ends.
func (d *doubts) report(log *slog.Logger) {
	for _, m := range d.all() {
		log.Warn("mail left in doubt", "message_id", m.MessageID, "since", m.Since, "detail", m.Detail)
	}
}

func (s *service) listDoubts(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.doubts.all())
}
