package smtp_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestLongRefusals: a server that says 60 KB about each of 999 recipients does not fill
// the memory, neither with the receipt nor with the connection that is kept.
func TestLongRefusals(t *testing.T) {
	const recipients = 999
	long := strings.Repeat("550-5.1.1 "+strings.Repeat("x", 480)+"\r\n", 125) + "550 5.1.1 who\r\n"
	server := smtpfake.Start(t, smtpfake.Config{Extensions: relay, Content: smtpfake.CountContent,
		Hook: smtpfake.On(smtpfake.RCPT, smtpfake.Action{Reply: "550 5.1.1 who", Raw: long})})
	client := must(smtp.New(plaintext(tcpTo(server))))
	defer closeClient(t, client)
	m := newMessage(0)
	for i := range recipients {
		m.To = append(m.To, mailer.Address{Address: fmt.Sprintf("a%d@example.com", i)})
	}
	before := liveBytes()
	_, err := client.Send(t.Context(), m)
	grown := liveBytes() - before
	var e *mailer.SendError
	if !errors.As(err, &e) || e.Outcome != mailer.NotAccepted || len(e.Receipt.Recipients) != recipients {
		t.Fatalf("got %v, want NotAccepted for %d recipients", err, recipients)
	}
	text := len(err.Error())
	for _, r := range e.Receipt.Recipients {
		if r.Code != 550 || r.Detail == "" {
			t.Fatalf("%s: code %d, detail %q; want 550 and why", r.Address, r.Code, r.Detail)
		}
		text += len(r.Detail)
	}
	if limit := recipients * 1024; text > limit {
		t.Errorf("%d bytes of text, want at most %d", text, limit)
	}
	if limit := int64(8 << 20); grown > limit {
		t.Errorf("%d KiB of memory kept, want at most %d", grown>>10, limit>>10)
	}
	if n := server.Stats().Conns; n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	runtime.KeepAlive(client)
}

// liveBytes is how much memory is in use.
func liveBytes() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
