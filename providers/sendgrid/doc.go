// Package sendgrid sends messages through Twilio SendGrid's v3 Mail Send API.
//
//	client, err := sendgrid.New(sendgrid.Config{Key: mailer.SecretFile("/run/secrets/sendgrid")})
//
// A message is one request with one personalization: all recipients get the same. The request is
// encoded with the models of github.com/sendgrid/sendgrid-go. Attachments are read and encoded
// while it is sent, and cost a send some tens of kilobytes however large they are; the bodies,
// alternatives included, are held in memory.
//
// The facts here are those of the specification (github.com/twilio/sendgrid-oai, tsg_mail_v3,
// tsg_scopes_v3 and tsg_logs_v3), of the page about errors (twilio.com/docs/sendgrid/api-reference/mail-send/errors)
// and of the page about events (twilio.com/docs/sendgrid/for-developers/tracking-events/event), read
// in November 2026. What none of them settles is marked UNVERIFIED.
//
// # Authentication
//
// An API key with the scope mail.send, as a bearer token. A source with a Refresh method is
// asked once more after a 401. The host is api.sendgrid.com, or with Region "eu" api.eu.sendgrid.com,
// which takes keys of EU subusers only.
//
// # Capabilities
//
// Everything in a [mailer.Message] but Sender, ReturnPath and local parts outside ASCII, which are
// refused, and DSN, which is left out and named in Receipt.Degraded. So are tags beyond
// ten, and those outside ASCII; the others become categories. The header shows those whom the
// message goes to and nobody else, so that one from [mailer.Narrow] is refused. Metadata becomes custom arguments,
// which come back in events, beside mailkeel_message_id, mailkeel_key and mailkeel_envelope, a hash
// of the recipients. Keys that begin with mailkeel_ are refused. Those that events use
// themselves, such as "email", do not come back: then Degraded names the metadata.
//
// Message.Date cannot be said, and no receipt tells so: SendGrid writes the Date field, with the time
// at which it takes the message. Line ends in the bodies, alternatives included, are sent as CRLF.
//
// The API takes no raw messages: what [eml.Parse] reads in Raw is sent, under the same limits. The header's From is
// the author; a Sender that says the same is left out. To and Cc are shown as they stand there, and recipients whom
// it does not show become Bcc, but for the only one of a message that shows nobody, who becomes To. Refused with
// [mailer.ErrUnsupported], so that a router passes on to a provider that takes them as they are, are raw messages
// that Parse refuses, such as signed and forwarded ones; those whose To or Cc names somebody to whom the message
// does not go; and those under another envelope sender than the header's From, the null return path included.
//
// [Options] has what only SendGrid knows, but not everything: no sections, no second
// personalization, and not the settings bcc and spam_check.
//
// A Template whose ID begins with "d-" is a dynamic one: it replaces the bodies, which must be
// empty, and its subject is replaced by Message.Subject where that is set. To any other Template,
// Data gives the substitutions, which are strings. Template.Version is refused.
//
// # Limits
//
// Refused with [mailer.ErrUnsupported], before anything is sent, are:
//
//   - requests over 30 MB, attachments in base64 included, and more than 1,000 recipients. UNVERIFIED:
//     whether that is 30,000,000 bytes, which is taken, or more;
//   - a message without a To recipient, without a Subject or without a body, unless a template has them;
//   - parameters of content types, for SendGrid refuses the semicolon. So a calendar invitation's method
//     cannot be carried. A charset of UTF-8 or US-ASCII is left out, since it says nothing new, and
//     an attachment's name becomes the file name where Attachment.Name is empty or the same.
//     Alternatives must be text in UTF-8, AMP (text/x-amp-html) included;
//   - commas and semicolons in file names, and empty attachments. A file without a name is
//     called "attachment";
//   - header fields of one name twice, those that SendGrid writes, and X-SMTPAPI, which steers it over SMTP;
//   - SendAt more than 72 hours ahead; more than 10,000 bytes of Metadata with the identity, or of
//     substitutions. The page about errors has 50,000 for both; the lower limit is kept.
//     UNVERIFIED: what of them is counted; here it is their JSON.
//
// Text in Options or Template.Data that is not UTF-8 is refused with [mailer.ErrInvalidMessage], as
// everywhere else in a message.
//
// Recipients are compared without regard to case, as SendGrid does: Ann@ and ann@ of one
// domain get one copy.
//
// UNVERIFIED: a comma or semicolon in the name of a recipient has made SendGrid lose the mail, and
// its older documentation forbids it, so that such a name is sent in quotes. There are signs
// that this was mended between 2021 and 2025, and then the recipient sees the quotes:
// Config.BareNames leaves them out. Other names, subjects, file names and header fields outside ASCII are sent as they
// are, in UTF-8. UNVERIFIED: From's name, for which the older documentation says that Unicode is
// not supported, and file names, which users of the API have seen garbled.
//
// # Errors
//
// Acceptance is 202 with a name in X-Message-Id, or 200 in sandbox mode. UNVERIFIED: no
// specification promises the field, but without it nothing tells the reply from a proxy's, so that
// the outcome is Unknown; see Config.AcceptWithoutID.
//
// A 500 or 503 with SendGrid's list of errors, each with a message, is NotAccepted, because the
// application itself says so: the specification documents that list for 500. So is a 503 with
// Retry-After and any body but HTML. Config.Treat5xxAsUnknown distrusts both. Any other 500 or 503,
// one without a body included, and a 502 or 504 are Unknown. A 403 about "from" is the sender's; a 400 about the
// template, the unsubscribe group, the pool or the batch is the account's. "Maximum credits
// exceeded" comes as a 401 like a key that is not valid: only the texts tell them apart, and texts
// decide nothing.
//
// There is no idempotency key at SendGrid: after an Unknown outcome only its events, or its
// logs, tell.
//
// # Connection string
//
//	sendgrid://KEY@default                        api.sendgrid.com
//	sendgrid://KEY@default?region=eu              api.eu.sendgrid.com
//	sendgrid://KEY@gateway.example.com:8443       https to a gateway
//	sendgrid://KEY@localhost:8080?insecure=true   plain HTTP, to this machine only
//
// Parameters, besides those of every scheme (see [dsn]): region=us, sandbox=true, resolve=true,
// treat_5xx_as_unknown=true, accept_without_id=true, bare_names=true, http2=true, max_conns=32,
// idle_timeout=45s, stall_timeout=30s, reply_timeout=2m, insecure=true.
//
// # Asking afterwards
//
// [Client.Resolve] searches the Email Logs where Config.ResolveByLogs is set. They are kept for
// 30 days (twilio.com/docs/sendgrid/api-reference/email-logs). UNVERIFIED: how far they lag, which
// plans and which scopes have them, and where in an entry the custom arguments stand. A message that
// is found, with the same identity and the same recipients, was accepted; one that is not
// found may have been.
//
// [eml.Parse]: https://pkg.go.dev/github.com/mailkeel/mailkeel/mailer/eml#Parse
// [dsn]: https://pkg.go.dev/github.com/mailkeel/mailkeel/mailer/dsn
package sendgrid
