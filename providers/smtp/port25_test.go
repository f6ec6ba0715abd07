package smtp_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/providers/smtp"
)

// SMTP row 4: a cloud that drops what goes to port 25 shows as a connection that never
// comes about. The error says so, and which ports to use instead; other ports say nothing.
func TestPort25IsNamed(t *testing.T) {
	for port, want := range map[int]bool{25: true, 587: false} {
		synctest.Test(t, func(t *testing.T) {
			cfg := smtp.Config{Host: "smtp.example.com"}
			port25(&cfg)
			cfg.Port = port
			client, err := smtp.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Send(t.Context(), newMessage(1))
			text := err.Error()
			named := strings.Contains(text, "port 25") && strings.Contains(text, "587") && strings.Contains(text, "465") && strings.Contains(text, "2525")
			if named != want {
				t.Errorf("port %d: %s", port, text)
			}
		})
	}
}
