package httpapi_test

import (
	"net"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// tcpFaults are the ends that sockets have; what hangs would take its time here.
var tcpFaults = []faultconn.Kind{faultconn.FIN, faultconn.RST, faultconn.HalfClose}

// TestTCPCuts is P1 over loopback: the kernel takes what the server may never read, so that more
// is unknown, but nothing is wrong.
func TestTCPCuts(t *testing.T) {
	step := int64(37)
	if raceDetector {
		step = 149
	}
	for _, c := range []struct {
		size  int
		step  int64
		reply int64
	}{{1000, step, step / 4}, {large, 97 * step, 0}} {
		for _, secure := range []bool{false, true} {
			var n tally
			for at := int64(0); at < int64(c.size)+3000; at += c.step {
				for _, kind := range tcpFaults {
					n.add(tcpTrial(t, c.size, secure, kind, at, at))
				}
			}
			for at := int64(0); c.reply > 0 && at < int64(len(accepted))+1500; at += c.reply {
				for _, kind := range tcpFaults {
					n.add(tcpTrial(t, c.size, secure, kind, 1<<40, at))
				}
			}
			t.Logf("%d bytes, TLS %v: %v", c.size, secure, &n)
			// A small request leaves in one write, which the kernel takes before anything is cut.
			if n.not == 0 && c.size == large || n.accepted == 0 && c.reply > 0 {
				t.Errorf("%d bytes, TLS %v: the cuts do not reach both sides of the boundary", c.size, secure)
			}
		}
	}
}

// tcpTrial breaks an exchange over loopback after so many bytes from the client, or to it.
func tcpTrial(t *testing.T, size int, secure bool, kind faultconn.Kind, in, out int64) *trial {
	t.Helper()
	server := &sink{wrap: func(n int, conn net.Conn) net.Conn {
		fault := faultconn.Fault{Dir: faultconn.Inbound, After: in, Kind: kind}
		if in > out {
			fault = faultconn.Fault{Dir: faultconn.Outbound, After: out, Kind: kind}
		}
		return faultconn.Wrap(conn, fault)
	}}
	if secure {
		server.tls = serverTLS()
	}
	client := func(c *httpapi.Config) { c.StallTimeout, c.ReplyTimeout = 5*time.Second, 5*time.Second }
	r := newRig(t, server, overTCP(server.listen(t)), client)
	v := r.send(t.Context(), size)
	r.close()
	whole, heads, taken := server.truth()
	tr := &trial{shape: &shape{size: size, tls: secure}, verdict: v, whole: whole, accepted: taken, open: r.wires.open()}
	wrong := v.Outcome == mailer.Accepted && taken != 1 || v.Outcome == mailer.NotAccepted && taken != 0
	if wrong || heads > 1 || tr.open != 0 {
		t.Errorf("%v after %d/%d: %v (%v), the server accepted %d of %d, %d left", kind, in, out, v.Outcome, v.err, taken, heads, tr.open)
	}
	return tr
}
