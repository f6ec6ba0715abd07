package mailer

import "strings"

// SendAs returns a copy of msg whose author is from: its address, and its name where
// msg has none. The author that msg had becomes the ReplyTo of a message that has none
// and is not Raw. The copy keeps all by which attempts recognise the message. It is for
// providers that let an account send from an address of their own only. A nil msg gives nil.
func SendAs(msg *Message, from Address) *Message {
	if msg == nil {
		return nil
	}
	m, author := *msg, msg.From
	m.From.Address = from.Address
	if m.From.Name == "" {
		m.From.Name = from.Name
	}
	if author.Address == "" || strings.EqualFold(author.Address, from.Address) {
		return &m
	}
	if len(m.ReplyTo) == 0 && m.Raw.IsZero() {
		m.ReplyTo = []Address{author}
	}
	return &m
}
