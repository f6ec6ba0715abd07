package smtpwire

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadReply(t *testing.T) {
	long := strings.Repeat("x", maxReplyLine)
	tests := []struct {
		name, wire string
		want       Reply
		err        error
	}{
		{"one line", "250 ok\r\n", Reply{250, "", "ok"}, nil},
		{"enhanced", "550 5.1.1 no such user\r\n", Reply{550, "5.1.1", "no such user"}, nil},
		{"enhanced alone", "250 2.0.0\r\n", Reply{250, "2.0.0", ""}, nil},
		{"several lines", "250-mx\r\n250-SIZE 10\r\n250 DSN\r\n", Reply{250, "", "mx\nSIZE 10\nDSN"}, nil},
		{"enhanced on every line", "554-5.7.1 no\r\n554 5.7.1 never\r\n", Reply{554, "5.7.1", "no\nnever"}, nil},
		{"class contradicts the code", "550 4.1.1 hm\r\n", Reply{550, "", "4.1.1 hm"}, nil},
		{"a version is no status code", "250 2.10 ready\r\n", Reply{250, "", "2.10 ready"}, nil},
		{"an address is no status code", "421 127.0.0.1 closing\r\n", Reply{421, "", "127.0.0.1 closing"}, nil},
		{"no text", "250\r\n", Reply{250, "", ""}, nil},
		{"bare LF", "250 ok\n", Reply{250, "", "ok"}, nil},
		{"nothing", "", Reply{}, io.EOF},
		{"cut in the code", "25", Reply{}, io.ErrUnexpectedEOF},
		{"cut in the text", "250 o", Reply{}, io.ErrUnexpectedEOF},
		{"cut before LF", "250 ok\r", Reply{}, io.ErrUnexpectedEOF},
		{"cut between lines", "250-ok\r\n", Reply{}, io.ErrUnexpectedEOF},
		{"codes differ", "250-ok\r\n550 no\r\n", Reply{}, ErrReply},
		{"no code", "hello\r\n", Reply{}, ErrReply},
		{"code too high", "650 ok\r\n", Reply{}, ErrReply},
		{"code too low", "050 ok\r\n", Reply{}, ErrReply},
		{"no separator", "250ok\r\n", Reply{}, ErrReply},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n", Reply{}, ErrReply},
		{"line too long", "250 " + long + "\r\n", Reply{}, ErrReply},
		{"too many lines", strings.Repeat("250-x\r\n", maxReplyLines) + "250 x\r\n", Reply{}, ErrReply},
		{"too many bytes", strings.Repeat("250-"+long[:1000]+"\r\n", 70) + "250 x\r\n", Reply{}, ErrReply},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readReply(bufio.NewReaderSize(strings.NewReader(tt.wire), maxReplyLine), plainText)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("readReply(%q) = %+v, %v; want %+v, %v", tt.wire, got, err, tt.want, tt.err)
			}
		})
	}
}

// TestTextModes: what is kept of a text, and that the status code is known in any case.
func TestTextModes(t *testing.T) {
	for _, c := range []struct {
		wire                string
		spare, plain, whole string
	}{
		{"250-2.0.0 a\r\n250 2.0.0 b\r\n", "", "a\nb", "2.0.0 a\n2.0.0 b"},
		{"550-5.1.1 a\r\n550-5.1.1\r\n550 b\r\n", "a\n\nb", "a\n\nb", "5.1.1 a\n5.1.1\nb"},
	} {
		for mode, want := range map[textMode]string{refusalText: c.spare, plainText: c.plain, wholeText: c.whole} {
			got, err := readReply(bufio.NewReaderSize(strings.NewReader(c.wire), maxReplyLine), mode)
			if err != nil || got.Text != want || got.Enhanced == "" && want != "" {
				t.Errorf("mode %d of %q: %+v, %v; want %q", mode, c.wire, got, err, want)
			}
		}
	}
}

func TestReplyClasses(t *testing.T) {
	for code := 100; code < 600; code++ {
		r := Reply{Code: code}
		wantOK := code >= 200 && code < 300 && code != 220 && code != 221 && code != 235
		if r.OK() != wantOK || r.Refused() != (code >= 400) {
			t.Errorf("%d: OK %v, Refused %v", code, r.OK(), r.Refused())
		}
	}
}

// What is read never exceeds the bounds, whatever the server says, and a reply that
// is returned is complete: it ends where its last line ends.
func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{"250 ok\r\n", "250-a\r\n250 b\r\n", "2", "250-", "554 5.7.1 x\r\n", "\r\n", "999 \xff\r\n", "250\n250 x\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		r := bufio.NewReaderSize(strings.NewReader(wire), maxReplyLine)
		reply, err := readReply(r, plainText)
		rest, _ := io.ReadAll(r)
		taken := wire[:len(wire)-len(rest)]
		if err != nil {
			if reply != (Reply{}) {
				t.Errorf("an error and a reply %+v", reply)
			}
			return
		}
		if !strings.HasSuffix(taken, "\n") || len(taken) > maxReplyBytes+maxReplyLine || len(reply.Text) > len(taken) {
			t.Errorf("took %q for %+v", taken, reply)
		}
		if reply.Code < 100 || reply.Code > 599 || reply.Enhanced != "" && int(reply.Enhanced[0]-'0') != reply.Code/100 {
			t.Errorf("impossible reply %+v of %q", reply, wire)
		}
	})
}

func TestParseExtensions(t *testing.T) {
	e := parseExtensions("mx.example.com greets\npipelining\nSIZE 1000\n8BITMIME\nAUTH PLAIN login\nAUTH=SCRAM-SHA-256\n" +
		"SMTPUTF8\nCHUNKING\nDSN\nSTARTTLS\nLIMITS RCPTMAX=50 MAILMAX=7 RCPTDOMAINMAX=1\nX-NEW thing\n\n")
	if !e.Pipelining || !e.EightBit || !e.UTF8 || !e.Chunking || !e.DSN || !e.StartTLS || !e.Size {
		t.Errorf("missing: %+v", e)
	}
	if e.MaxBytes != 1000 || e.MaxRecipients != 50 || e.MaxMessages != 7 {
		t.Errorf("limits: %+v", e)
	}
	if got := strings.Join(e.Auth, " "); got != "PLAIN LOGIN SCRAM-SHA-256" {
		t.Errorf("mechanisms: %q", got)
	}
	for _, text := range []string{"", "PIPELINING", "mx\nSIZE -1", "mx\nSIZE 99999999999999999999", "mx\nLIMITS RCPTMAX=0 MAILMAX"} {
		if e := parseExtensions(text); e.Pipelining || e.MaxBytes != 0 || e.MaxRecipients != 0 {
			t.Errorf("%q: %+v", text, e)
		}
	}
}
