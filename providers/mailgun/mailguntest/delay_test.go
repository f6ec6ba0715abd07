package mailguntest

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestEventsDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(Config{EventsDelay: 30 * time.Second})
		send(t, s, messagesPath, basic())
		for _, c := range []struct {
			wait time.Duration
			want int
		}{{0, 0}, {29 * time.Second, 0}, {time.Second, 1}} {
			time.Sleep(c.wait)
			a := s.handle(request(http.MethodGet, "/v3/"+DefaultDomain+"/events", s.cfg.Key, "", nil))
			var reply struct{ Items []json.RawMessage }
			if err := json.Unmarshal(a.Body, &reply); err != nil || len(reply.Items) != c.want {
				t.Errorf("after %v more: got %d events and %v, want %d", c.wait, len(reply.Items), err, c.want)
			}
		}
	})
}
