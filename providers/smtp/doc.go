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
// [FromGoMail] makes a [mailer.Message] of a message of github.com/wneessen/go-mail.
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
// Presets know a provider's host, port 587 with STARTTLS, and whatever else is the same for
// all of its accounts. A host, with or without a port, may stand in the place of "default".
//
//	acs+smtp://RESOURCE.APPLICATION.TENANT:${SECRET}@default
//	m365+smtp://app@example.com:${file:TOKEN}@default
//	mailgun+smtp://postmaster@mg.example.com:password@default
//	sendgrid+smtp://KEY@default
//
// What stands before the @ is the provider's own:
//
//   - acs+smtp: for Azure Communication Services, the user as shown, with | instead of the
//     dots, or an SMTP username resource; and the client secret of the Entra application,
//     or with auth=xoauth2 an access token.
//   - m365+smtp: for Microsoft 365, the mailbox and an OAuth access token (XOAUTH2), which
//     holds for an hour or so: one in a file is read again when it changes. With
//     auth=login the mailbox's password, where the tenant still allows that. The sender has to be
//     the mailbox or one that it may send as; see from=.
//   - mailgun+smtp: an SMTP credential of the domain, which the API key is not. For domains
//     in the EU with region=eu.
//   - sendgrid+smtp: an API key alone. For keys of EU subusers with region=eu.
//
// Parameters, besides those of every scheme (see [dsn]): auth=MECHANISM,
// max_conns=8, idle_timeout=45s, max_messages=100, stall_timeout=30s, reply_timeout=2m,
// local_name=NAME, chunking=false, one_flight=true, and allow_plaintext=true for
// smtp+plaintext to another machine. For m365+smtp the default of max_conns is 3, which is
// what a mailbox may have: programs that share the mailbox share the three.
//
// [dsn]: https://pkg.go.dev/github.com/mailkeel/mailkeel/mailer/dsn
package smtp
