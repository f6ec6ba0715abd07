// Package smtp submits messages to an SMTP server: a provider's relay, Microsoft 365,
// or one's own (RFC 6409).
//
//	client, err := smtp.New(smtp.Config{
//		Host:     "smtp.example.com",
//		Username: "app",
//		Password: mailer.SecretFile("/run/secrets/smtp"),
//	})
//
// The conversation is this module's own, from the greeting to the verdict. A message
// takes two round trips on a warm connection where the server offers PIPELINING, and
// every recipient has a reply and a verdict of its own.
//
// # Authentication
//
// PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-1 and SCRAM-SHA-256 with and without channel
// binding, and XOAUTH2; see Config.Auth. Credentials are never left out in silence, and
// never sent in clear text unless the configuration says so in as many words.
//
// # Capabilities
//
// Everything in a [mailer.Message] but SendAt and Template, which are refused, and
// Tags, Metadata and tracking, which are left out and named in Receipt.Degraded.
// Priority travels as header fields; DSN only where the server offers it.
//
// # Limits
//
// The server's SIZE is kept before the content is sent. Connections, idle time and
// messages for each connection are limited by [Config].
//
// # Errors
//
// Every failure is judged by the stage it came at, the reply code and the status code of
// RFC 3463, and by whether the last byte of the content had been released: the LF of
// CRLF.CRLF, or the last octet of BDAT. Up to that byte a failure is NotAccepted and the
// connection is closed hard, so that no server takes a part of a message for the whole.
//
// # Connection string
//
//	smtp://user:pass@host:587            STARTTLS required, then AUTH
//	smtps://user:pass@host:465           implicit TLS
//	smtp+plaintext://host:2525           no TLS; for servers on this machine
//
// Parameters, besides those of every scheme (see [dsn]): auth=MECHANISM,
// max_conns=8, idle_timeout=45s, max_messages=100, stall_timeout=30s, reply_timeout=2m,
// local_name=NAME, chunking=false, one_flight=true, and allow_plaintext=true for
// smtp+plaintext to another machine.
//
// [dsn]: https://pkg.go.dev/github.com/mailkeel/mailkeel/mailer/dsn
package smtp
