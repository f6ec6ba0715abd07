package smtp_test

import (
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestHost: the port has a field of its own, and brackets belong into an address with a port.
func TestHost(t *testing.T) {
	for _, c := range []struct {
		host string
		ok   bool
	}{
		{"mx.example.com", true}, {"127.0.0.1", true}, {"::1", true}, {"2001:db8::25", true},
		{"mx.example.com:587", false}, {"127.0.0.1:25", false}, {"[::1]", false}, {"[::1]:25", false},
		{"[127.0.0.1]", false}, {"mx.example.com:", false}, {":25", false},
	} {
		_, err := smtp.New(smtp.Config{Host: c.host})
		if (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "Host") {
			t.Errorf("Host %q: error %v; want one that names Host: %v", c.host, err, !c.ok)
		}
	}
}
