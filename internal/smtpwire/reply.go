package smtpwire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// A Reply is a server's reply: RFC 5321 section 4.2.
type Reply struct {
	// Code is the reply code, zero when there is no reply.
	Code int
	// Enhanced is the status code of RFC 2034, such as "5.1.1"; empty when there is
	// none or its class contradicts Code.
	Enhanced string
	// Text is the rest, lines joined by "\n", as the server sent it. It may hold
	// anything: addresses, credentials, control characters.
	Text string
}

// OK reports whether the reply is positive. Codes that belong to another command
// only show that replies and commands have come apart.
func (r Reply) OK() bool {
	return r.Code/100 == 2 && r.Code != 220 && r.Code != 221 && r.Code != 235
}

// Refused reports whether the reply is a complete refusal, transient or permanent.
func (r Reply) Refused() bool { return r.Code/100 == 4 || r.Code/100 == 5 }

// IsUnknownCommand reports whether the server does not know the command (RFC 5321 section 4.2.4).
func (r Reply) IsUnknownCommand() bool { return r.Code == 500 || r.Code == 502 }

// Bounds of one reply. RFC 5321 section 4.5.3.1.5 allows 512 octets a line.
const (
	maxReplyLine  = 4 << 10
	maxReplyLines = 128
	maxReplyBytes = 64 << 10
)

// A textMode says what becomes of the text of a reply.
type textMode int

const (
	refusalText textMode = iota // kept of refusals only
	plainText                   // kept, without the status codes that it begins with
	wholeText                   // kept as it is
)

// readReply reads one reply. Any error means that no complete reply was read.
func readReply(r *bufio.Reader, mode textMode) (Reply, error) {
	var reply Reply
	var text []byte
	size := 0
	for line := 1; ; line++ {
		raw, err := r.ReadSlice('\n')
		if err != nil {
			return Reply{}, readError(err, size+len(raw))
		}
		if size += len(raw); line > maxReplyLines || size > maxReplyBytes {
			return Reply{}, fmt.Errorf("%w: longer than %d lines or %d bytes", ErrReply, maxReplyLines, maxReplyBytes)
		}
		code, last, rest, ok := parseReplyLine(raw)
		if !ok || line > 1 && code != reply.Code {
			return Reply{}, fmt.Errorf("%w: not of the form code, text", ErrReply)
		}
		reply.Code = code
		if mode != refusalText || code >= 400 {
			enhanced, plain := cutEnhanced(rest, code)
			if mode == wholeText {
				plain = rest
			}
			if line == 1 {
				reply.Enhanced = enhanced
			}
			if line == 1 && last { // as nearly all are
				reply.Text = string(plain)
				return reply, nil
			}
			if line > 1 {
				text = append(text, '\n')
			}
			text = append(text, plain...)
		}
		if last {
			reply.Text = string(text)
			return reply, nil
		}
	}
}

// readError makes the end of the stream an error that says whether it cut a reply.
func readError(err error, read int) error {
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return fmt.Errorf("%w: a line longer than %d bytes", ErrReply, maxReplyLine)
	case errors.Is(err, io.EOF) && read > 0:
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseReplyLine takes one line with its line end apart. A missing text is common,
// and so is a bare LF; neither leaves a doubt.
func parseReplyLine(line []byte) (code int, last bool, text []byte, ok bool) {
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) < 3 || line[0] < '1' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, false, nil, false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	switch {
	case len(line) == 3:
		return code, true, nil, true
	case line[3] == ' ':
		return code, true, line[4:], true
	case line[3] == '-':
		return code, false, line[4:], true
	}
	return 0, false, nil, false
}

// cutEnhanced splits a status code off the front of text (RFC 2034 section 4). It
// counts only when its class agrees with the reply code.
func cutEnhanced(text []byte, code int) (enhanced string, rest []byte) {
	i, dots := 0, 0
	for ; i < len(text) && (isDigit(text[i]) || text[i] == '.'); i++ {
		if text[i] == '.' {
			if dots++; i == 0 || text[i-1] == '.' {
				return "", text
			}
		}
	}
	if dots != 2 || i > len("5.999.999") || text[i-1] == '.' || text[1] != '.' || int(text[0]-'0') != code/100 {
		return "", text
	}
	switch {
	case i == len(text):
		return string(text), nil
	case text[i] == ' ':
		return string(text[:i]), text[i+1:]
	}
	return "", text
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
