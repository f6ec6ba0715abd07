//go:build unix

package smtp_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// TestExtraReplyBeforeRelease: a reply that lies in the socket before the last byte is
// released is not about the content.
func TestExtraReplyBeforeRelease(t *testing.T) {
	var ours, theirs atomic.Pointer[net.TCPConn]
	server := smtpfake.Start(t, smtpfake.Config{
		Extensions: smtpfake.AllExtensions(),
		Hook:       smtpfake.On(smtpfake.Content, smtpfake.Action{Reply: "554 5.7.1 spam"}),
		Wrap: func(_ int, conn net.Conn) net.Conn {
			theirs.Store(conn.(*net.TCPConn))
			return conn
		},
	})
	client := must(smtp.New(plaintext(func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := tcpTo(server)(ctx, "", "")
		if err == nil {
			ours.Store(conn.(*net.TCPConn))
		}
		return conn, err
	})))
	defer closeClient(t, client)
	extra := 0
	msg := newMessage(1)
	msg.Attachments = []mailer.Attachment{{Name: "a.bin", Content: mailer.Opener(5, func() (io.ReadCloser, error) {
		if conn := theirs.Load(); conn != nil { // the content is being sent
			if _, err := io.WriteString(conn, "250 2.0.0 extra\r\n"); err != nil {
				return nil, err
			}
			awaitUnread(t, ours.Load())
			extra++
		}
		return io.NopCloser(strings.NewReader("hello")), nil
	})}}
	receipt, err := client.Send(t.Context(), msg)
	notAccepted(provider, laterOrOther, 0).check(t, receipt, err, len(server.Messages()))
	if extra != 1 {
		t.Errorf("%d replies too many, want 1", extra)
	}
}

// awaitUnread waits until something lies in conn's receive buffer.
func awaitUnread(t *testing.T, conn *net.TCPConn) {
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Read(func(fd uintptr) bool {
			n, _, peekErr := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			return peekErr == nil && n > 0
		})
	}
	if err != nil {
		t.Errorf("looking at the socket: %v", err)
	}
}
