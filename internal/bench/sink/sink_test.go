package sink_test

import (
	"bufio"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/sink"
)

func dial(t *testing.T, port int) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	return nc
}

// TestServer says everything in pieces of every size and expects the same codes.
func TestServer(t *testing.T) {
	const (
		said = "EHLO a.example\r\nAUTH PLAIN AHUAcA==\r\nAUTH PLAIN\r\nAHUAcA==\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n" +
			"DATA\r\n.\r\nDATA\r\n..\r\nx\r\n.x\r\r\n.\r\nBDAT 3\r\n\r\n.BDAT 7 LAST\r\nQUIT\r\n\rNOOP\r\nQUIT\r\n"
		want = "220 250 235 334 235 250 250 354 250 354 250 250 250 250 221"
	)
	l, err := sink.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, piece := range []int{1, 2, 3, 7, len(said)} {
		nc := dial(t, l.Port())
		for rest := said; rest != ""; {
			n := min(piece, len(rest))
			if _, err := nc.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if got := codes(nc); got != want {
			t.Errorf("in pieces of %d: %s, want %s", piece, got, want)
		}
	}
}

// codes reads until the server closes and returns the code of each reply.
func codes(nc net.Conn) string {
	var all []string
	for lines := bufio.NewScanner(nc); lines.Scan(); {
		if line := lines.Text(); len(line) > 3 && line[3] == ' ' {
			all = append(all, line[:3])
		}
	}
	return strings.Join(all, " ")
}

func TestDelay(t *testing.T) {
	const delay = 30 * time.Millisecond
	l, err := sink.Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := sink.ListenDelayed(l.Port(), delay)
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	nc := dial(t, far.Port())
	r := bufio.NewReader(nc)
	if _, err := r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for range 20 { // all on the way at once
		if _, err := nc.Write([]byte("NOOP\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took < 2*delay || took > 20*delay {
		t.Errorf("20 commands took %s, want a little over %s", took, 2*delay)
	}
}
