// Package sendgridtest is a fake of SendGrid's v3 API on loopback, for tests of programs
// that send through it. It knows the truth: what it has accepted is in
// [Server.Messages], whatever the client was told.
//
// It is written from the vendor's OpenAPI description (twilio/sendgrid-oai, mail, scopes
// and logs) and documentation as of 2026, and refuses whatever these say the service
// refuses. Where they are silent it is rather too strict than too lenient; such rules
// are marked as unverified where they stand. Texts of errors are its own, except for those that
// clients are known to meet. A test of a client ends by asserting that
// [Server.Violations] is empty.
//
// # Endpoints
//
//   - POST /v3/mail/send: 202 and X-Message-Id, or 200 in sandbox mode
//   - POST /v3/mail/batch, GET /v3/mail/batch/{batch_id}
//   - GET /v3/scopes
//   - POST /v3/logs, GET /v3/logs/{sg_message_id}: the Email Logs API
//
// Anything else is answered with 404, or 405 for a wrong method.
//
// # Faults
//
// [Server.Next] makes the next request, or connection, meet a [Fault]. Functions such as
// [SenderNotVerified] and [RateLimitedFor] return replies that the service is known to give;
// [Reply] makes a fault of one.
package sendgridtest
