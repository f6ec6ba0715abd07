package apifake

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// write sends the first most bytes of a reply, in one piece, or drop by drop where s says so.
func (c *conn) write(h *head, a Answer, s *step, most int64) error {
	reply := a.bytes(h)
	reply = reply[:min(int64(len(reply)), max(most, 0))]
	if s.Kind == Drip {
		return c.drip(reply, s.Every)
	}
	if len(reply) == 0 {
		return nil
	}
	_, err := c.stream.Write(reply)
	return err
}

// drip sends a byte at a time.
func (c *conn) drip(reply []byte, every time.Duration) error {
	tick := time.NewTimer(every)
	defer tick.Stop()
	for i := range reply {
		if _, err := c.stream.Write(reply[i : i+1]); err != nil {
			return err
		}
		select {
		case <-tick.C:
			tick.Reset(every)
		case <-c.srv.done:
			return errOver
		}
	}
	return nil
}

// bytes returns the whole reply to h.
func (a Answer) bytes(h *head) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %03d %s\r\n", a.Status, http.StatusText(a.Status))
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		for _, value := range a.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	if a.Header.Get("Date") == "" {
		fmt.Fprintf(&b, "Date: %s\r\n", time.Now().UTC().Format(http.TimeFormat))
	}
	if a.Header.Get("Content-Length") == "" && a.hasBody() {
		fmt.Fprintf(&b, "Content-Length: %s\r\n", strconv.Itoa(len(a.Body)))
	}
	if h.last && a.Header.Get("Connection") == "" {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	if a.hasBody() && h.Method != http.MethodHead {
		b.Write(a.Body)
	}
	return b.Bytes()
}

// hasBody reports whether a reply of this status can have one (RFC 9112 section 6.3).
func (a Answer) hasBody() bool {
	return a.Status >= 200 && a.Status != http.StatusNoContent && a.Status != http.StatusNotModified
}
