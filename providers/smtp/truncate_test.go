package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// A brokenSource says how a content goes wrong from its openings numbered from on.
type brokenSource struct {
	name string
	read func(good []byte, at int) io.Reader
}

var errDisk = errors.New("disk gone")

var brokenSources = []brokenSource{
	{"fails", func(good []byte, at int) io.Reader {
		return io.MultiReader(bytes.NewReader(good[:at]), failingReader{errDisk})
	}},
	{"fails with the last bytes", func(good []byte, at int) io.Reader { return &failingAtEnd{good[:at]} }},
	{"fails as if it had been cut", func(good []byte, at int) io.Reader {
		return io.MultiReader(bytes.NewReader(good[:at]), failingReader{io.ErrUnexpectedEOF})
	}},
	{"ends early", func(good []byte, at int) io.Reader { return bytes.NewReader(good[:at]) }},
	{"goes on", func(good []byte, at int) io.Reader {
		return io.MultiReader(bytes.NewReader(good), strings.NewReader(strings.Repeat("\r\n", 1+at)))
	}},
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// failingAtEnd gives its bytes and the error in one call.
type failingAtEnd struct{ rest []byte }

func (r *failingAtEnd) Read(p []byte) (int, error) {
	n := copy(p, r.rest)
	if r.rest = r.rest[n:]; len(r.rest) == 0 {
		return n, errDisk
	}
	return n, nil
}

// content returns a Content of good that goes wrong at byte at from its opening number from on.
func (b brokenSource) content(good []byte, at, from int) mailer.Content {
	var opened atomic.Int64
	return mailer.Opener(int64(len(good)), func() (io.ReadCloser, error) {
		if int(opened.Add(1)) < from {
			return io.NopCloser(bytes.NewReader(good)), nil
		}
		return io.NopCloser(b.read(good, at)), nil
	})
}

// truncatedWays are the ways in which the content can travel.
var truncatedWays = []struct {
	name      string
	server    smtpfake.Config
	oneFlight bool
}{
	{"DATA", smtpfake.Config{Extensions: relay}, false},
	{"BDAT", smtpfake.Config{Extensions: smtpfake.AllExtensions()}, false},
	{"one flight", smtpfake.Config{Extensions: smtpfake.AllExtensions()}, true},
}

// offsets are all of a small content, where there is time, and those around block sizes of a large one.
func offsets(size int) []int {
	var at []int
	if size <= 1000 {
		for i := 0; i < size; i += int(stride()) {
			at = append(at, i)
		}
		return at
	}
	for _, block := range []int{512, 4 << 10, 8 << 10, 16 << 10, 20 << 10, 32 << 10, 64 << 10, 256 << 10} {
		for _, i := range []int{block - 1, block, block + 1} {
			if i < size {
				at = append(at, i)
			}
		}
	}
	return append(at, 0, 1, size/2, size-2, size-1)
}

// TestSourceFails is P7: whatever an attachment does that is not what was announced, no
// server takes any part of the message.
func TestSourceFails(t *testing.T) {
	cases := 0
	for _, way := range truncatedWays {
		for _, b := range brokenSources {
			for _, size := range []int{200, 300_000} {
				t.Run(fmt.Sprintf("%s, %s, %d bytes", way.name, b.name, size), func(t *testing.T) {
					good := bytes.Repeat([]byte("0123456789\r\n.x"), size/14+1)[:size]
					for _, at := range offsets(size) {
						msg := newMessage(1)
						msg.Attachments = []mailer.Attachment{{Name: "a.bin", Content: b.content(good, at, 1)}}
						refusedInMid(t, way.server, way.oneFlight, msg, at)
						if cases++; t.Failed() {
							return
						}
					}
				})
			}
		}
	}
	t.Logf("%d cases", cases)
}

// TestRawFails is the same for raw messages, which are read once before they are sent:
// they go wrong only when they are sent, or before.
func TestRawFails(t *testing.T) {
	good := []byte("From: ann@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: x\r\n\r\n" + strings.Repeat("a line\r\n.\r\n", 12))
	cases := 0
	for _, way := range truncatedWays {
		for _, b := range brokenSources {
			for from := 1; from <= 3; from++ {
				t.Run(fmt.Sprintf("%s, %s, opening %d", way.name, b.name, from), func(t *testing.T) {
					for _, at := range offsets(len(good)) {
						msg := &mailer.Message{From: newMessage(1).From, To: newMessage(1).To, Raw: b.content(good, at, from)}
						refusedInMid(t, way.server, way.oneFlight, msg, at)
						if cases++; t.Failed() {
							return
						}
					}
				})
			}
		}
	}
	t.Logf("%d cases", cases)
}

// TestFileChanges is P7 where the file is another one when it is sent.
func TestFileChanges(t *testing.T) {
	changes := map[string]func(path string) error{
		"shorter": func(path string) error { return os.Truncate(path, 99) },
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"longer":  func(path string) error { return os.Truncate(path, 101) },
		"gone":    os.Remove,
	}
	for name, change := range changes {
		for _, way := range truncatedWays {
			t.Run(name+", "+way.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "a.txt")
				if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 100), 0o600); err != nil {
					t.Fatal(err)
				}
				msg := newMessage(1)
				msg.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.File(path)}}
				prepared, err := mailer.Prepare(msg)
				if err != nil {
					t.Fatal(err)
				}
				if err := change(path); err != nil {
					t.Fatal(err)
				}
				refusedInMid(t, way.server, way.oneFlight, prepared, 0)
			})
		}
	}
}

// TestRawFailsOnSevenBits: a server without 8BITMIME makes the client read a raw message
// once more, to see whether it can go there.
func TestRawFailsOnSevenBits(t *testing.T) {
	good := []byte("From: ann@example.com\r\nMessage-ID: <1@example.com>\r\nSubject: x\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n")
	for _, b := range brokenSources {
		t.Run(b.name, func(t *testing.T) {
			for _, at := range offsets(len(good)) {
				msg := &mailer.Message{From: newMessage(1).From, To: newMessage(1).To, Raw: b.content(good, at, 3)}
				// What comes before the fault may show already that the message cannot go there.
				sendBroken(t, smtpfake.Config{}, false, msg, at, mailer.ScopeCaller, mailer.ScopeMessage)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// refusedInMid sends msg, whose source fails, and another over the same client.
func refusedInMid(t *testing.T, cfg smtpfake.Config, oneFlight bool, msg *mailer.Message, at int) {
	t.Helper()
	sendBroken(t, cfg, oneFlight, msg, at, mailer.ScopeCaller)
}

func sendBroken(t *testing.T, cfg smtpfake.Config, oneFlight bool, msg *mailer.Message, at int, scopes ...mailer.Scope) {
	t.Helper()
	server := smtpfake.Start(t, cfg)
	client := must(smtp.New(smtp.Config{Host: "localhost", Security: smtp.Plaintext, OneFlight: oneFlight, Dial: tcpTo(server)}))
	receipt, err := client.Send(t.Context(), msg)
	e := mailer.AsSendError(err)
	if receipt != nil || e == nil || e.Outcome != mailer.NotAccepted || !slices.Contains(scopes, e.Scope) {
		t.Errorf("at %d: got %v, %v, scope %v; want NotAccepted, scope %v", at, receipt, err, e.Scope, scopes)
	}
	_, err = client.Send(t.Context(), newMessage(1))
	closeClient(t, client)
	server.WaitIdle()
	if taken := server.Messages(); err != nil || len(taken) != 1 || bytes.Contains(taken[0].Data, []byte("a.bin")) {
		t.Errorf("at %d: the server took %d messages; the one after it: %v", at, len(taken), err)
	}
	for _, v := range server.Violations() {
		t.Errorf("at %d: violation: %v", at, v)
	}
	server.Close()
}

// tcpTo returns a Dial that connects to server over loopback, whatever the host.
func tcpTo(server *smtpfake.Server) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Addr())
	}
}

// closeClient closes client, which has nothing under way.
func closeClient(t *testing.T, client *smtp.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := client.Close(ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
}
