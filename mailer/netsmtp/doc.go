// Package netsmtp takes the place of net/smtp:
//
//	import smtp "github.com/mailkeel/mailkeel/mailer/netsmtp"
//
// Every program that compiles with net/smtp compiles with it: the names and signatures are the
// same, [Auth], [ServerInfo] and [Client] are net/smtp's own types, and [NewClient], [PlainAuth] and
// [CRAMMD5Auth] its own functions. [SendMail] is another, which ends, does not give
// credentials or mail away, and tells the truth about what became of the message. [SendMailContext],
// [SetSender], [LoginAuth] and [XOAUTH2Auth] come in addition.
//
// # What is the same
//
// SendMail takes what net/smtp's takes: any host and port of [net.Dial], any Auth, an empty from for
// the null return path, and messages as they are, without a header or with lines of any length
// too. It says EHLO localhost, or HELO where that is not known; uses STARTTLS where it is offered, and
// no other server than the one that the certificate is for; and delivers to all recipients or to none.
// An LF alone becomes CRLF. Its two errors that have no code keep their words: "smtp: A line must
// not contain CR or LF" and "smtp: server doesn't support AUTH".
//
// # What is different
//
//  1. Nothing waits for ever: the connection has 10 s, each step after that 60 s, the content 60 s
//     without progress, and the verdict 5 minutes, or as long as ctx has.
//  2. Replies are bounded (4 KiB a line, 64 KiB and 128 lines each), and one that is malformed or
//     was not asked for ends the conversation.
//  3. With an Auth, TLS is required, whatever the mechanism, unless the connection stays on this
//     machine. The address that was connected to decides that, not the name.
//  4. With an Auth, EHLO must succeed: AUTH is never left out. HELO follows upon a 5yz reply only.
//  5. Plain text after the reply to STARTTLS, which somebody on the way may have put there, is an error.
//  6. At port 465 TLS is spoken from the first byte (RFC 8314). net/smtp waits for ever there.
//  7. Once the server has taken the message, the result is nil, however QUIT fails. It may say so with any
//     code of success that is no other command's, and without a word; to MAIL too.
//  8. Errors are of type [*mailer.SendError], and say whether the message may have been taken
//     ([mailer.ErrUnknownOutcome]). The [*textproto.Error] is inside: use errors.As, not a type assertion. A
//     password that the server repeats is masked in it.
//  9. An address with a space, an angle bracket or a control character, which could end the
//     command it stands in, is refused; so is a message to nobody.
//  10. A CR without an LF and a NUL are refused: servers disagree about where such a message ends.
//  11. Bcc fields are taken out of the header.
//  12. BODY=8BITMIME, SMTPUTF8 and SIZE are said where the message needs them and the server offers
//     them. 8-bit content without 8BITMIME, or an address outside ASCII without SMTPUTF8, is refused.
//  13. Where the server offers PIPELINING, MAIL and all RCPT go in one flight.
//  14. After [SetSender], addr and a are ignored, and the message goes through that Sender.
//
// # What the Client still does badly
//
// The Client of [Dial] and [NewClient] is the standard library's. It uses TLS only when told to, and
// does not notice what stands between the reply to STARTTLS and the handshake. It goes on to HELO after
// any failure of EHLO, without extensions. An Auth other than PlainAuth, LoginAuth and XOAUTH2Auth may
// show its secret in clear. Mail and Rcpt take addresses with spaces and angle brackets. The writer of
// Data passes a lone CR on; closing it, or Quit, after a write that failed midway ends the
// message, and the server takes a truncated one: call Close of the Client then. Quit's error after
// an accepted message says nothing about the message, and leaves the connection open. There is no
// context. Dial limits time and size; NewClient leaves them to its connection.
package netsmtp
