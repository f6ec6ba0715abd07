// Package acstest is a fake of the data plane of Azure Communication Services Email on
// loopback, for tests of programs that send through it. It knows the truth: what it has
// accepted is in [Server.Messages], whatever the client was told.
//
// It is written from the API descriptions (Azure/azure-rest-api-specs, Email 2023-03-31 and
// 2025-09-01) and Microsoft's documentation as of 2026, and refuses whatever these say the
// service refuses. Where they are silent it is rather too strict than too lenient; such
// rules are marked UNVERIFIED where they stand. Texts of errors are its own, except for
// those that clients are known to meet. A test of a client ends by asserting that
// [Server.Violations] is empty.
//
// # Endpoints
//
//   - POST /emails:send: 202, Operation-Location, Retry-After and the operation's id
//   - GET /emails/operations/{id}, also with two slashes in front, which is how
//     Operation-Location spells it
//
// Anything else is answered with 404, or 405 for a wrong method.
//
// # Authentication
//
// Every signature is recomputed from the bytes that came, with either of two access keys
// ([Server.Key], [Server.SecondaryKey], [Server.RegenerateKey]). [Server.Credential] issues
// Microsoft Entra tokens that the server takes, and can fail, hang, or issue tokens that
// have expired. A client learns only that it is denied; [Server.Denials] tells why.
//
// # Operations
//
// [Life] says when an operation can be seen, how long it runs and how it ends; it stands in
// [Config] for all operations and in [Server.NextLife] for the next.
//
// # Faults
//
// [Server.Next] makes the next request, or connection, meet a [Fault]. Functions such as
// [DomainNotLinked] and [RateLimitedFor] return replies that the service is known to give;
// [Reply] makes a fault of one. A request that a fault keeps from being accepted leaves no
// trace, except that it counts against the quotas.
package acstest
