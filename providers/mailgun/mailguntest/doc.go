// Package mailguntest is Mailgun on loopback, for tests of programs that send through it:
// the part of the Messages, Domains and Events APIs that a sender uses, which holds every
// message that it took and can misbehave at an exact place.
//
// It is written from Mailgun's OpenAPI description (mailgun/mailgun-mcp-server, 2026) and manual
// (mailgun/documentation, 2024), not from any client, and refuses whatever these say the service
// refuses. Where they are silent it is rather too strict than too lenient: the description lets
// parameters pass that nobody knows, here they are refused, so that a misspelt name shows. What
// the service drops or delivers otherwise than it was meant is in [Server.Violations]; a test of a client
// ends by asserting that they are empty. Texts of errors for which there is no source are this package's own.
//
// # What it speaks
//
//   - POST /v3/{domain}/messages and /v3/{domain}/messages.mime
//   - GET /v3/{domain}/events, with message-id and other filters, and its pages
//   - GET /v4/domains/{domain}, /v3/domains/{domain} and /v3/domains/{domain}/sending_queues
//
// Every other path gets what Mailgun says there: status 200 and the plain text "Mailgun
// Magnificent API".
//
// # Truth
//
// A message is held if and only if its request arrived whole and was taken. Both come before the
// reply is sent, and so before any [Fault] that befalls the reply. [Server.Messages] lists what was taken.
//
// # Faults
//
// [Server.Next] says what the next request meets: another reply, one that is cut, late or
// missing, a connection that ends. The replies that Mailgun documents, and those that stand
// between a program and Mailgun, are functions of this package, such as [RateLimitedFor] and [Gateway];
// [Reply] makes a fault of one.
package mailguntest
