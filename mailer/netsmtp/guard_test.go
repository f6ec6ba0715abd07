package netsmtp_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/smtp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer/netsmtp"
)

// TestEndlessGreeting: Difference 2, P20. What a server may make the Client take in has an end.
func TestEndlessGreeting(t *testing.T) {
	for name, line := range map[string]string{"lines": "220-welcome\r\n", "one line": "220-" + strings.Repeat("w", 1000)} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			sent := make(chan int, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					sent <- 0
					return
				}
				defer conn.Close()
				total := 0
				for block := []byte(strings.Repeat(line, 100)); total < 100<<20; {
					n, err := conn.Write(block)
					if total += n; err != nil {
						break
					}
				}
				sent <- total
			}()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := netsmtp.Dial(l.Addr().String()); err == nil {
				t.Error("a greeting without an end is a greeting")
			}
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
				t.Errorf("%d bytes allocated", grown)
			}
			if n := <-sent; n >= 100<<20 {
				t.Error("all of it was read")
			}
		})
	}
}

// TestDial: the Client works over it, under TLS too, with answers as long as they come.
func TestDial(t *testing.T) {
	server := smtpfake.Start(t, withTLS(smtpfake.Config{Extensions: smtpfake.Extensions{EHLO: strings.Fields(strings.Repeat("X-MANY ", 500))}}))
	client, err := netsmtp.Dial(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.StartTLS(certs.Client("localhost")); err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789\r\n"), 100_000)
	if err := clientSend(client, content); err != nil {
		t.Fatal(err)
	}
	server.WaitIdle()
	if m := server.Messages(); len(m) != 1 || !bytes.Equal(m[0].Data, content) || m[0].TLS != tls.VersionTLS13 {
		t.Errorf("%d messages", len(m))
	}
}

func clientSend(client *smtp.Client, content []byte) error {
	if err := client.Mail(from); err != nil {
		return err
	}
	if err := client.Rcpt(bob); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return client.Quit()
}

// TestDialFails: as net/smtp's Dial does.
func TestDialFails(t *testing.T) {
	for _, addr := range []string{"localhost", "127.0.0.1:no-such-service"} {
		if _, err := netsmtp.Dial(addr); err == nil || err.Error() != errorText(second(smtp.Dial(addr))) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestOwnersDeadlines: what the owner of the connection sets holds where it is earlier. TLS does that when it closes.
func TestOwnersDeadlines(t *testing.T) {
	ours, theirs := faultconn.Pipe()
	defer theirs.Close()
	g := netsmtp.Guard(ours)
	if err := g.SetDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := g.Read(make([]byte, 1)); err == nil || time.Since(start) > 30*time.Second {
		t.Errorf("a read outlived its deadline by %v: %v", time.Since(start), err)
	}
	if _, err := g.Write([]byte("x")); err == nil {
		t.Error("a write outlived its deadline")
	}
	if err := g.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Write([]byte("x")); err != nil {
		t.Error(err)
	}
}

// TestLongLines: a line is too long wherever its end comes, also when that comes with the rest of it.
func TestLongLines(t *testing.T) {
	for length, tooLong := range map[int]bool{4 << 10: false, 4<<10 + 1: true, 6 << 10: true} {
		ours, theirs := faultconn.Pipe()
		g := netsmtp.Guard(ours)
		go func() {
			defer theirs.Close()
			_, _ = io.WriteString(theirs, strings.Repeat("x", length-1)+"\n250 OK\r\n")
		}()
		if _, err := io.Copy(io.Discard, g); (err != nil) != tooLong {
			t.Errorf("%d bytes: %v", length, err)
		}
		_ = g.Close()
	}
}

// TestLongRecords: what follows upon the beginning of TLS has no lines, and still an end.
func TestLongRecords(t *testing.T) {
	for first, want := range map[byte]int{22: 128 << 10, 'E': 4 << 10} {
		ours, theirs := faultconn.Pipe()
		g := netsmtp.Guard(ours)
		if _, err := g.Write([]byte{first}); err != nil {
			t.Fatal(err)
		}
		go func() {
			defer theirs.Close()
			_, _ = theirs.Write(bytes.Repeat([]byte("x"), 1<<20))
		}()
		n, err := io.Copy(io.Discard, g)
		if err == nil || int(n) > want || int(n) < want-4<<10 {
			t.Errorf("after %d: %d bytes, %v", first, n, err)
		}
		_ = g.Close()
	}
}
