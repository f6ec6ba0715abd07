package smtpwire

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestRepliesKept: whole texts are not kept of a reply for each recipient, of whom there may be any number.
func TestRepliesKept(t *testing.T) {
	const recipients = 20
	line := strings.Repeat("x", 1000)
	for _, code := range []string{"250", "550"} {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }() // until the end of the connection
		go func() {
			_, _ = io.WriteString(theirs, "250 ok\r\n"+strings.Repeat(strings.Repeat(code+"-"+line+"\r\n", 50)+code+" end\r\n", recipients))
			_ = theirs.Close()
		}()
		c := NewConn(ours)
		c.WholeText()
		c.ext.Pipelining = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		c.Bind(ctx)
		env := &Envelope{From: "a@b", AllOrNone: true}
		for range recipients {
			env.To = append(env.To, "c@d")
		}
		res := c.Transact(env, nil, nil, Limits{Step: time.Minute})
		cancel()
		kept := 0
		for _, r := range res.Rcpt {
			kept += len(r.Text)
		}
		if first := 50*(len(line)+1) + len("end"); len(res.Rcpt) != recipients || kept > first+recipients*maxReason {
			t.Errorf("%s: %d bytes of %d replies", code, kept, len(res.Rcpt))
		}
		if code == "550" && (res.Err == nil || !strings.HasSuffix(res.Err.Reply.Text, "end")) {
			t.Errorf("the first refusal is not whole: %v", res.Err)
		}
	}
}
