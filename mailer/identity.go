package mailer

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

func prepareIdentity(m *Message, p *prepared) error {
	if m.Date.IsZero() {
		m.Date = time.Now()
	}
	if err := checkDate(m.Date); err != nil {
		return fieldError("Date", err)
	}
	var random [25]byte // 15 bytes for the Message-ID's text, 10 for the boundary's
	_, _ = rand.Read(random[:])
	if p.boundary == "" {
		p.boundary = hex.EncodeToString(random[15:])
	}
	given := m.MessageID
	if !m.Raw.IsZero() {
		m.MessageID = cmp.Or(rawMessageID(m.Raw), given)
	}
	if m.MessageID == "" {
		m.MessageID, p.minted = mintMessageID(m.Date, random[:10], m.From.Address), true
	}
	id, err := checkMessageID(m.MessageID)
	if err != nil {
		return fieldError("MessageID", err)
	}
	if given != "" && given != id && "<"+given+">" != id {
		return fieldError("MessageID", errors.New("is not the one in Raw"))
	}
	m.MessageID, p.messageID = id, id
	if m.IdempotencyKey == "" {
		m.IdempotencyKey = id[1 : len(id)-1]
	}
	if len(m.IdempotencyKey) > maxIdentifier || !isPrintableASCII(m.IdempotencyKey) {
		return fmt.Errorf("IdempotencyKey is not of 1 to %d printable ASCII characters without space", maxIdentifier)
	}
	if m.Delivery < DeliveryDefault || m.Delivery > AtLeastOnce {
		return errors.New("Delivery is not one of the named values")
	}
	return nil
}

// checkDate holds t to what RFC 5322 section 3.3 can write.
func checkDate(t time.Time) error {
	const maxOffset = 99*3600 + 59*60
	if year := t.Year(); year < 1900 || year > 9999 {
		return errors.New("is not within the years 1900 to 9999")
	}
	if _, offset := t.Zone(); offset < -maxOffset || offset > maxOffset {
		return errors.New("has a zone that is more than 99:59 from UTC")
	}
	return nil
}

// mintMessageID makes a name out of time and chance, as UUID version 7 does (RFC
// 9562), at the author's domain, which RFC 5322 section 3.6.4 recommends.
func mintMessageID(now time.Time, random []byte, from string) string {
	domain := from[strings.LastIndexByte(from, '@')+1:]
	for len(domain) > maxMessageID-len("<>.@")-2*(6+len(random)) { // labels are short enough to leave some
		_, domain, _ = strings.Cut(domain, ".")
	}
	var buf [maxMessageID]byte
	ms := now.UnixMilli()
	stamp := [6]byte{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms)}
	b := append(buf[:0], '<')
	b = hex.AppendEncode(b, stamp[:])
	b = append(b, '.')
	b = hex.AppendEncode(b, random)
	b = append(b, '@')
	b = append(b, domain...)
	return string(append(b, '>'))
}

// checkMessageID accepts the msg-id of RFC 5322 section 3.6.4 without its obsolete
// forms, with or without angle brackets, and returns it with them.
func checkMessageID(id string) (string, error) {
	inner := id
	if strings.HasPrefix(id, "<") && strings.HasSuffix(id, ">") && len(id) > 2 {
		inner = id[1 : len(id)-1]
	} else {
		id = "<" + id + ">"
	}
	if len(id) > maxMessageID {
		return "", fmt.Errorf("is longer than %d bytes", maxMessageID)
	}
	left, right, found := strings.Cut(inner, "@")
	if !found || left == "" || right == "" || !isPrintableASCII(inner) {
		return "", errForm
	}
	if n := len(right); n > 2 && right[0] == '[' && right[n-1] == ']' { // a no-fold-literal
		right = strings.ReplaceAll(right[1:n-1], ":", "")
	}
	if strings.ContainsAny(left, notInMessageID) || strings.ContainsAny(right, notInMessageID) {
		return "", errForm
	}
	return id, nil
}

var errForm = errors.New("is not of the form <left@right>")

// notInMessageID are the specials of RFC 5322 section 3.2.3, less the dot.
const notInMessageID = "<>()[],;:\\\"@"
