package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// instant is a connection to a server that has answered before it is asked, without a system call.
type instant struct {
	replies []byte
	content int // bytes of a chunk still to come
}

func newInstant() *instant { return &instant{replies: []byte("220 instant\r\n")} }

func (c *instant) Read(p []byte) (int, error) {
	if len(c.replies) == 0 {
		return 0, os.ErrDeadlineExceeded // which is how an idle connection looks
	}
	n := copy(p, c.replies)
	c.replies = c.replies[:copy(c.replies, c.replies[n:])]
	return n, nil
}

func (c *instant) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if c.content > 0 {
			n := min(c.content, len(rest))
			c.content, rest = c.content-n, rest[n:]
			continue
		}
		line, after, _ := bytes.Cut(rest, []byte("\r\n"))
		rest = after
		switch {
		case bytes.HasPrefix(line, []byte("EHLO")):
			c.replies = append(c.replies, "250-instant\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME\r\n"...)
		case bytes.HasPrefix(line, []byte("BDAT ")):
			for _, digit := range bytes.TrimSuffix(line[len("BDAT "):], []byte(" LAST")) {
				c.content = 10*c.content + int(digit-'0')
			}
			fallthrough
		default:
			c.replies = append(c.replies, "250 2.0.0 taken as 4bLx7Q2zq9z1\r\n"...)
		}
	}
	return len(p), nil
}

func (c *instant) Close() error                     { return nil }
func (c *instant) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *instant) RemoteAddr() net.Addr             { return c.LocalAddr() }
func (c *instant) SetDeadline(time.Time) error      { return nil }
func (c *instant) SetReadDeadline(time.Time) error  { return nil }
func (c *instant) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkSendAlone is what Send itself costs, from the message's fields to the receipt.
func BenchmarkSendAlone(b *testing.B) {
	client, err := smtp.New(smtp.Config{
		Host: "127.0.0.1", Security: smtp.Plaintext, MaxMessagesPerConn: -1,
		Dial: func(context.Context, string, string) (net.Conn, error) { return newInstant(), nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = client.Close(context.Background()) }()
	msg := &mailer.Message{
		From: mailer.Address{Address: "sender@example.com"}, To: []mailer.Address{{Address: "recipient@example.net"}},
		Subject: "Your invoice for November", Text: string(bytes.Repeat([]byte("The quick brown fox jumps over it.\n"), 30)),
	}
	prepared, err := mailer.Prepare(msg)
	if err != nil {
		b.Fatal(err)
	}
	deadline, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	for _, row := range []struct {
		name string
		ctx  context.Context
		msg  *mailer.Message
	}{
		{"fields", context.Background(), msg},
		{"prepared", context.Background(), prepared},
		{"prepared, with a deadline", deadline, prepared},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Send(row.ctx, row.msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
