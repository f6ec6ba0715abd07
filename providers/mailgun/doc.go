// Package mailgun sends messages through Mailgun's HTTP API, version 3.
//
//	client, err := mailgun.New(mailgun.Config{
//		Key:    mailer.SecretFile("/run/secrets/mailgun"),
//		Domain: "mg.example.com",
//	})
//
// A message goes as the bytes of RFC 5322 to messages.mime, the same bytes that SMTP without
// 8BITMIME would carry, with the envelope beside them. One with a [mailer.Template] or with
// [Options].RecipientVariables goes in parts to messages, where Mailgun makes the bytes.
//
// The facts below are those of Mailgun's OpenAPI description (github.com/mailgun/mailgun-mcp-server,
// src/openapi.yaml, read 2026-07-09) unless another source stands beside them: "manual" is
// github.com/mailgun/documentation (2024-07), "Anymail" github.com/anymail/django-anymail,
// "mailgun-go" Mailgun's own library, version 4.23.0. UNVERIFIED is what none of them says.
//
// # Authentication
//
// HTTP Basic, user "api", with an account key or a domain sending key. The latter may send from
// its domain and do nothing else, not even what Check and Resolve ask; see Config.SendingKey. A domain
// lives in one region: in the other, Mailgun answers 404 "Domain not found", or 401 where the key is of
// one region as well (UNVERIFIED).
//
// # Capabilities
//
// Everything in a [mailer.Message] but ReturnPath and DSN, for Mailgun sets the return path, and
// addresses with a local part outside ASCII (Anymail: such an author breaks delivery). A
// message is taken or refused as a whole. One from [mailer.Narrow] is refused where it has a template or
// Options.RecipientVariables, for Mailgun then makes its header. The Message-ID, the idempotency key and a hash of the recipients stand in
// events as user variables mailkeel_message_id, mailkeel_key and mailkeel_envelope, beside Metadata, whose keys may not
// begin with mailkeel_. Mailgun would show all variables to the recipient, in the header field
// X-Mailgun-Variables; they are suppressed there unless Options.ShowVariables is set. With
// a template they are values for it as well, which Template.Data overrules. Tags are shown, in
// X-Mailgun-Tag, unless Options.SuppressHeaders names it. Mailgun replaces some words between percent signs
// in a body, such as %unsubscribe_url% (manual); nothing escapes them. Header fields of a message that begin with
// X-Mailgun- are instructions to Mailgun where SMTP carries them (manual), and here as well (UNVERIFIED): a raw
// message from elsewhere should have none.
//
// A raw message of eight bits goes as it is; its header must be ASCII. That Mailgun takes eight bits
// in messages.mime, and encodes them for a server that does not, is UNVERIFIED.
//
// Where a Template or RecipientVariables need messages, Mailgun sets Date, one header field of
// a name is carried, Alternatives only as one of text/x-amp-html, HTML not beside a Template, and there must be
// somebody in To. An inline file is known by its Content-ID and loses its name (manual, "Sending Inline
// Images"); an attachment without a name is dropped in silence (Anymail), and so gets one.
// Names of people are UTF-8 there, which Mailgun encodes in a way of its own: some come with quotes around
// them (a developer of Mailgun in Anymail's tracker, 2022). UNVERIFIED there: that the Content-Type of a
// file is kept; that names of files may be UTF-8, quoted with backslashes (mailgun-go does so); that
// h:Sender and h:Message-Id are kept; and what Cc and Bcc mean in a batch, where they are therefore refused.
//
// # Limits
//
//   - 1,000 recipients (manual).
//   - 25 MiB a message and 52.4 MiB a request (manual); Config.MaxMessageBytes. The limit of a message is
//     held against its bytes in messages.mime and against those of the request in messages.
//   - 10 tags of at most 128 ASCII characters (mailgun-go 5; the manual and version 4 say 3);
//     Config.MaxTags. What does not fit is left out, and "tags" is named in Receipt.Degraded. Mailgun compares
//     tags without case (manual): of those that are equal, one is sent.
//   - 16 KB for all o:, h:, v: and t: parameters together: tags, metadata, options, the header fields and
//     data beside a template. Whether names count is UNVERIFIED; here they do. A value of
//     metadata over 4 KB would be cut in events; none may be as long. A key with a quote, backslash, percent sign or
//     outside ASCII is left out, and "metadata" named in Receipt.Degraded.
//   - Schedules of 3 days, on some plans 7; Config.MaxSchedule. Seconds are rounded up. A time
//     that has passed is not sent: that Mailgun would take it is UNVERIFIED.
//
// # Errors
//
// Only 200 (or 202) with a JSON object that has an id is an acceptance. Paths that Mailgun does not
// know answer 200 "Mailgun Magnificent API" (Anymail); this and every other 200 is Unknown.
// A 500 or 503 with Mailgun's JSON error {"message": "..."} is its own word that it did not take the message:
// NotAccepted. The description has that form for 500; the manual lists 503 beside it, whose form
// is UNVERIFIED. A 503 in another form is NotAccepted where it has Retry-After and a body that is not HTML; every other
// 500 and 503 may come from a gateway, and is Unknown. Config.Treat5xxAsUnknown distrusts them all. 502 and
// 504 are Unknown, whatever they hold.
// A 400 that says that the domain or the account may not send, or that a key for signing is not set
// up, has ScopeAccount. A 429 says in its text when to try again, in seconds or as a date; that
// Mailgun sends Retry-After is UNVERIFIED, but the text counts only where it is not there, or asks for nothing.
//
// # Connection string
//
//	mailgun://KEY@default?domain=mg.example.com              the region us
//	mailgun://KEY@default?domain=mg.example.com&region=eu    the region eu
//	mailgun://KEY@host:port?domain=mg.example.com            a gateway of one's own
//
// Parameters, besides those of every scheme (see [dsn]): domain=NAME (required), region=us,
// sending_key=true, test_mode=true, resolve=true, treat_5xx_as_unknown=true, max_tags=10, max_schedule=72h,
// max_message_bytes=26214400, max_conns=32, idle_timeout=45s, stall_timeout=30s, reply_timeout=2m, http2=true, and
// insecure=true for plain HTTP to a host on this machine.
//
// # Asking afterwards
//
// Mailgun has no idempotency key: a message sent twice goes out twice, although the copies share their
// Message-ID. With Config.ResolveByEvents (resolve=true) and an account key, [Client.Resolve] asks the
// domain's events what became of a message. They come late, and are kept for days: a plan decides for how many.
// A copy of a prepared message with other recipients has the same Message-ID; mailkeel_envelope tells the two apart.
//
// [dsn]: https://pkg.go.dev/github.com/mailkeel/mailkeel/mailer/dsn
package mailgun
