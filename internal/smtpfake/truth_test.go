package smtpfake

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailkeel/mailkeel/internal/faultconn"
)

// lines of a client that goes step by step; one that begins with ":" has no reply of its own.
var (
	dataClient = []string{
		"EHLO c.example\r\n", "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<b@example.org>\r\n",
		"DATA\r\n", ":a\r\n..b\r\n", ".\r\n", "QUIT\r\n",
	}
	bdatClient = []string{
		"EHLO c.example\r\n", "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<b@example.org>\r\n",
		"BDAT 3\r\na\r\n", "BDAT 4 LAST\r\n.b\r\n", "QUIT\r\n",
	}
)

// completeAt returns the number of bytes up to the end of the message.
func completeAt(client []string) int64 {
	return int64(len(strings.ReplaceAll(strings.Join(client[:len(client)-1], ""), ":a", "a")))
}

// speak plays client over conn until something fails.
func speak(conn net.Conn, client []string) {
	defer func() { _ = conn.Close() }()
	// Virtual time: a hanging server costs nothing.
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	r := bufio.NewReader(conn)
	if !heardReply(r) {
		return
	}
	for _, line := range client {
		text, silent := strings.CutPrefix(line, ":")
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
		if !silent && !heardReply(r) {
			return
		}
	}
}

// heardReply reads one reply to its end.
func heardReply(r *bufio.Reader) bool {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if len(line) < 4 || line[3] != '-' {
			return true
		}
	}
}

// play runs client against a server whose end of the connection has the faults.
func play(t *testing.T, cfg Config, client []string, faults ...faultconn.Fault) (srv *Server, in, out int64) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		srv = New(cfg)
		clientEnd, serverEnd := net.Pipe()
		wrapped := faultconn.Wrap(serverEnd, faults...)
		go srv.ServeConn(wrapped)
		speak(clientEnd, client)
		synctest.Wait()
		srv.Close()
		in, out = wrapped.Counts()
	})
	return srv, in, out
}

func chunking() Config { return Config{Extensions: Extensions{Chunking: true}} }

// The server accepts if and only if the complete message was let through, whatever
// breaks the connection, at every byte.
func TestTruthWhenTheClientIsCutOff(t *testing.T) {
	for name, client := range map[string][]string{"DATA": dataClient, "BDAT": bdatClient} {
		_, total, _ := play(t, chunking(), client)
		for _, kind := range []faultconn.Kind{faultconn.FIN, faultconn.RST, faultconn.HalfClose, faultconn.Hang} {
			for at := range total + 1 {
				srv, in, _ := play(t, chunking(), client, faultconn.Fault{Dir: faultconn.Inbound, After: at, Kind: kind})
				if in > at {
					t.Fatalf("%s, kind %d at %d: %d bytes got through", name, kind, at, in)
				}
				complete := at >= completeAt(client)
				if got := len(srv.Messages()) == 1; got != complete {
					t.Errorf("%s, kind %d at %d: accepted %v, want %v\n%s", name, kind, at, got, complete, srv.Transcript(1))
				}
				if v := srv.Violations(); len(v) > 0 {
					t.Errorf("%s, kind %d at %d: %v", name, kind, at, v)
				}
			}
		}
	}
}

// What happens to the replies changes nothing once the message is complete, and
// nothing is accepted when a reply before that is cut.
func TestTruthWhenTheServerIsCutOff(t *testing.T) {
	for name, client := range map[string][]string{"DATA": dataClient, "BDAT": bdatClient} {
		_, _, total := play(t, chunking(), client)
		deciding := total - int64(len("250 queued as 1-1\r\n221 bye\r\n"))
		for _, kind := range []faultconn.Kind{faultconn.FIN, faultconn.RST, faultconn.HalfClose, faultconn.Hang} {
			for at := range total + 1 {
				srv, _, out := play(t, chunking(), client, faultconn.Fault{Dir: faultconn.Outbound, After: at, Kind: kind})
				if out > at {
					t.Fatalf("%s, kind %d at %d: %d bytes got out", name, kind, at, out)
				}
				got, want := len(srv.Messages()) == 1, at > deciding || at == deciding && kind == faultconn.Hang
				if got != want {
					t.Errorf("%s, kind %d at %d: accepted %v, want %v\n%s", name, kind, at, got, want, srv.Transcript(1))
				}
			}
		}
	}
}

func TestTruthUnderDrip(t *testing.T) {
	srv, _, _ := play(t, chunking(), dataClient, faultconn.Fault{Dir: faultconn.Inbound, Kind: faultconn.Drip})
	wantRules(t, srv)
	if m := wantMessages(t, srv, 1)[0]; string(m.Data) != "a\r\n.b\r\n" {
		t.Errorf("data %q", m.Data)
	}
}

// A garbage byte inside the terminator leaves the message open.
func TestTruthWithGarbage(t *testing.T) {
	end := completeAt(dataClient)
	for back := int64(1); back <= 3; back++ {
		fault := faultconn.Fault{Dir: faultconn.Inbound, After: end - back, Kind: faultconn.Insert, Byte: 'x'}
		srv, _, _ := play(t, chunking(), dataClient, fault)
		wantMessages(t, srv, 0)
	}
}

func TestFaultsAtContent(t *testing.T) {
	for _, tc := range []struct {
		name     string
		action   Action
		accepted int
		last     string
	}{
		{"own reply", Action{}, 1, "221 bye"},
		{"refused", Action{Reply: "554 5.7.1 spam"}, 0, "221 bye"},
		{"deferred, two lines", Action{Reply: "451-4.3.0 busy\n451 4.3.0 try later"}, 0, "221 bye"},
		{"another acceptance", Action{Reply: "250 2.0.0 Ok: queued as 4F"}, 1, "221 bye"},
		{"closed", Action{Silent: true, Then: FIN}, 1, ""},
		{"reset", Action{Silent: true, Then: RST}, 1, ""},
		{"hang", Action{Silent: true, Then: Hang}, 1, ""},
		{"cut reply", Action{Raw: "25", Then: FIN}, 1, "25"},
		{"garbage", Action{Raw: "\x00\xff\r\n"}, 1, "221 bye"},
		{"refused and closed", Action{Reply: "421 4.3.2 closing", Then: FIN}, 0, "421 4.3.2 closing"},
		{"refusal lost", Action{Reply: "554 5.7.1 spam", Silent: true, Then: FIN}, 0, ""},
		{"a liar that refuses and delivers", Action{Decision: Accept, Reply: "451 4.3.0 no"}, 1, "221 bye"},
		{"a liar that accepts and drops", Action{Decision: Refuse}, 0, "221 bye"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv, _, _ := play(t, Config{Hook: On(Content, tc.action)}, dataClient)
			wantRules(t, srv)
			wantMessages(t, srv, tc.accepted)
			lines := strings.Split(strings.TrimSpace(srv.Transcript(1)), "\n")
			last, spoke := strings.CutPrefix(lines[len(lines)-1], "S: ")
			if !spoke {
				last = ""
			}
			if last != tc.last {
				t.Errorf("last said %q, want %q", last, tc.last)
			}
		})
	}
}

// The slow provider: it takes the message and answers later, or never.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wait := make(chan struct{})
		srv := New(Config{Hook: On(Content, Action{Wait: wait})})
		d := newDialogue(t, srv)
		d.script(opening + toData + "C: .")
		synctest.Wait()
		wantMessages(t, srv, 1)
		close(wait)
		d.script("S: 250 queued as 1-1")
	})
	synctest.Test(t, func(t *testing.T) {
		srv := New(Config{Hook: On(Content, Action{Wait: make(chan struct{})})})
		d := newDialogue(t, srv)
		d.script(opening + toData + "C: .")
		srv.Close()
		d.expect("EOF")
		wantMessages(t, srv, 1)
	})
}

func TestHookSeesTheConversation(t *testing.T) {
	var saw []string
	hook := func(e *Event) Action {
		saw = append(saw, fmt.Sprintf("%d %d/%d %q %q %d %q %q", e.Point, e.SeenHere, e.Seen, e.Arg, e.From, len(e.Recipients), e.Data, e.Reply))
		return Action{}
	}
	play(t, Config{Hook: hook}, dataClient)
	want := []string{
		fmt.Sprintf(`%d 1/1 "" "" 0 "" "220 mx.example.com ESMTP"`, Greeting),
		fmt.Sprintf(`%d 1/1 "c.example" "" 0 "" "250 mx.example.com"`, EHLO),
		fmt.Sprintf(`%d 1/1 "FROM:<a@example.com>" "" 0 "" "250 sender ok"`, MAIL),
		fmt.Sprintf(`%d 1/1 "TO:<b@example.org>" "a@example.com" 0 "" "250 recipient ok"`, RCPT),
		fmt.Sprintf(`%d 1/1 "" "a@example.com" 1 "" "354 end with CR LF . CR LF"`, DATA),
		fmt.Sprintf(`%d 1/1 "" "a@example.com" 1 "a\r\n.b\r\n" "250 queued as 1-1"`, Content),
		fmt.Sprintf(`%d 1/1 "" "" 0 "" "221 bye"`, QUIT),
	}
	if got := strings.Join(saw, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("saw\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestEndingsAtEveryPoint(t *testing.T) {
	for point := Greeting; point < numPoints; point++ {
		for _, then := range []Ending{FIN, RST, Hang} {
			srv, _, _ := play(t, Config{Hook: On(point, Action{Then: then})}, dataClient)
			want := 0
			switch point {
			case Content, QUIT, Handshake, STARTTLS, HELO, AUTH, AUTHStep, BDAT, RSET, NOOP, Other:
				want = 1 // after the message, or not reached
			}
			if got := len(srv.Messages()); got != want {
				t.Errorf("point %d, ending %d: %d messages, want %d", point, then, got, want)
			}
		}
	}
}

func TestContentModes(t *testing.T) {
	for _, mode := range []ContentMode{DigestContent, CountContent} {
		srv, _, _ := play(t, Config{Content: mode}, dataClient)
		if got := srv.Stats(); got.Messages != 1 || got.ContentBytes != 7 {
			t.Errorf("mode %d: stats %+v", mode, got)
		}
		messages := srv.Messages()
		if mode == CountContent {
			if len(messages) != 0 || srv.Transcript(1) != "" {
				t.Errorf("kept %v and %q", messages, srv.Transcript(1))
			}
			continue
		}
		if len(messages) != 1 || messages[0].Data != nil || messages[0].SizeBytes != 7 {
			t.Fatalf("messages %+v", messages)
		}
		// The SHA-256 of "a\r\n.b\r\n".
		if got, want := fmt.Sprintf("%x", messages[0].SHA256), "71ba500d6b052fdd29071e807e2eda07b96b8f8725ad572ef1ccf0409e14b27f"; got != want {
			t.Errorf("digest %s, want %s", got, want)
		}
	}
}
