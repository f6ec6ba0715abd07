// Package acs sends messages through Azure Communication Services Email.
//
//	endpoint, key, err := acs.ParseConnectionString(os.Getenv("COMMUNICATION_SERVICES_CONNECTION_STRING"))
//	client, err := acs.New(acs.Config{Endpoint: endpoint, Key: key})
//
// A message is one request to POST /emails:send, made through a pipeline of
// github.com/Azure/azure-sdk-for-go/sdk/azcore whose transport is ours: the pipeline's own retries are off.
// Attachments are read and encoded while they are signed, and again while they are sent; they cost a send some
// tens of kilobytes however large they are. A file that changes in between is not sent.
//
// The facts here are those of the API's descriptions (github.com/Azure/azure-rest-api-specs, data-plane/Email,
// 2023-03-31 and 2025-09-01) and of Microsoft's documentation (articles/communication-services), read in
// November 2026. What none of them settles is marked UNVERIFIED.
//
// # Authentication
//
// Either an access key, with which each request is signed, or any azcore.TokenCredential of Microsoft Entra ID, such
// as a managed identity of package azidentity. The identity needs a role on the Communication Services
// resource: "Communication and Email Service Owner", or a role of your own with
// Microsoft.Communication/CommunicationServices/Read and Microsoft.Communication/EmailServices/write.
// Keys and tokens may rotate while the program runs: a key's source is asked for each request.
//
// A 401 is answered once with a fresh signature or token, because the service is known to refuse good ones now and
// then. If its clock and ours are more than two minutes apart, the second signature has its time. A second 401 is
// the account's fault.
//
// # Identity
//
// Each message carries an Operation-Id, [OperationID] of its IdempotencyKey, the same on every attempt. It is the
// Receipt's ProviderMessageID. After an Unknown outcome [Client.Resolve] asks for the operation, and a router
// does so by itself; where the service knows none, the message is sent again with the same Operation-Id, to the same
// resource, which makes no second copy. UNVERIFIED: Microsoft calls the Operation-Id the name of the operation,
// and does not promise that a repeated one is not queued twice, nor for how long it is known; users of the
// service rely on it. Config.ReplayWindow turns it off. Config.GuardMessageID adds a guard that is
// documented: the service then refuses a Message-ID that it has seen. Without it, such a Message-ID is replaced by
// the service in silence. The portions of a long list, which a router makes where it may split recipients, have one
// Message-ID: with the guard only the first of them is taken.
//
// Two messages with one IdempotencyKey are one message to the service.
//
// # Capabilities
//
// Text, HTML, attachments, inline images (with API version 2025-09-01), header fields, each once, and several
// ReplyTo. Refused are Sender, ReturnPath, Alternatives, SendAt, Template, local parts outside ASCII, and header
// fields that begin with x-ms-acsemail-, which steer the service. Left out and named in Receipt.Degraded are Tags,
// Metadata, DSN, the display name of From, which is a setting of the sender user name, and
// tracking that is to be on, which is a setting of the domain. Tracking can be turned off, opens and
// clicks together: where one of them is to be off, both are. The header shows those whom the message goes to and nobody
// else, so that one from [mailer.Narrow] is refused.
//
// The API takes no raw messages: what [eml.Parse] reads in Raw is sent, under the same limits. The header's From is
// the sender; a Sender that says the same is left out. To and Cc are shown as they stand there, and recipients whom
// it does not show become Bcc, but for the only one of a message that shows nobody, who becomes To. Refused with
// [mailer.ErrUnsupported], so that a router passes on to a provider that takes them as they are, are raw messages
// that Parse refuses, such as signed and forwarded ones; those whose To or Cc names somebody to whom the message
// does not go; and those under another envelope sender than the header's From, the null return path included. A
// route with a sender address of its own (from=) so carries only those that have that address in the header.
//
// Message.Date cannot be said, and no receipt tells so: the service writes the Date field. Line ends in the bodies are
// sent as CRLF. UNVERIFIED: whether the service sends priority and list-unsubscribe fields on as they are.
//
// # Limits
//
// Refused with [mailer.ErrUnsupported], before anything is sent, are:
//
//   - requests over 10 MB, attachments in base64 included, and more than 50 recipients; see Config. UNVERIFIED:
//     whether that is 10,000,000 bytes, which is taken, or more;
//   - a message without a To recipient, without a Subject or without a body;
//   - attachments whose media type, or the extension of whose name, is not on Microsoft's list of allowed
//     attachment types, application/octet-stream among them; see Config.AnyAttachmentType. The list says of itself
//     that there are others;
//   - parameters of content types, as in the other adapters: a charset of UTF-8 or US-ASCII is left out, and a
//     name becomes the file name where Attachment.Name is empty or the same. A file without a name is called
//     "attachment", with the extension of its type.
//
// # Quotas
//
// A subscription may send 30 messages a minute and 100 an hour from custom domains, 5 and 10 from those that Azure
// manages (under azurecomm.net), and read the status of twice as many. Throttled calls count too. So the client
// counts, and where a call would be too many it makes none: NotAccepted with [mailer.ScopeRate] and RetryAfter. A router
// takes that as a reason to go on to the next route, and lets this one rest for RetryAfter, for messages from both kinds
// of domains. Who sends from both through one resource gives each a route of its own (from_domains=), which rests
// alone. After a 429 nothing is sent before the time that the service named, at most an hour at once, unless all limits
// are off. Config.Quota and Config.QuotaShare say what this process may use. What another process uses, or used
// before a restart, is not known here.
//
// # Errors
//
// Acceptance is 202 with the name of an operation. A 500, 502 or 504 is Unknown. A 503 with the service's own error
// is NotAccepted, after one question for the operation; without it, it is Unknown. A 409 means that the
// Operation-Id is known: the operation is asked for, and if there is one, the message was accepted.
// "DomainNotLinked" and "InvalidSenderUserName" are about From: another route may send it. Other 400s are about the
// message, and stop; with Config.GuardMessageID, after a question for the operation likewise, and it is Unknown
// while that is not answered. 401, 403 and other 404s are the account's. errors.As finds an [azcore.ResponseError]
// with the service's code, and without the response, which would show addresses when printed.
//
// # Waiting
//
// Accepted means that the service has queued the message. With Config.Wait Send waits for the operation to end, as long
// as ctx and the quota of status reads allow: half of these are left to the settling of doubts, so that by default
// not every message can be waited for. The service says when it wants to be asked first, after 20 s in its
// description's example, and a Wait that ends before asks nothing. An operation that failed makes the message
// NotAccepted, without any waiting where the acceptance itself tells it: for "EmailDroppedAllRecipientsSuppressed" the
// recipients are refused, for all else another provider may take it. To be sent through the service once more it needs
// another IdempotencyKey: with the same one it remains the operation that failed. What keeps us from knowing the end
// changes nothing: the message is Accepted. [Client.Status] asks at any time.
//
// A message that ended well was handed on, not delivered: what the recipients' servers made of it, only the service's
// events tell.
//
// # Connection string
//
//	acs://contoso.communication.azure.com?key=BASE64              an access key
//	acs://contoso.communication.azure.com?auth=managed-identity   with &client_id=ID a user-assigned one
//	acs://contoso.communication.azure.com?auth=default            azidentity's DefaultAzureCredential
//	endpoint=https://contoso.communication.azure.com/;accesskey=BASE64   the portal's
//	acs://localhost:8080?key=BASE64&insecure=true                 plain HTTP, to this machine only
//
// Parameters, besides those of every scheme (see [dsn]): scope=URL, api_version=2023-03-31, quota=30/100 (per minute and
// per hour) or quota=none, quota_share=1/4, max_recipients=50, max_bytes=10000000, any_attachment=true,
// guard_message_id=true, replay_window=5m or off, wait=30s, treat_5xx_as_unknown=true, http2=true, max_conns=32,
// idle_timeout=45s, stall_timeout=30s, reply_timeout=2m, insecure=true. auth= needs package providers, or [SchemesWith].
//
// SMTP submission through the service is a scheme of package smtp, acs+smtp://.
//
// [azcore.ResponseError]: https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azcore#ResponseError
// [eml.Parse]: https://pkg.go.dev/github.com/mailkeel/mailkeel/mailer/eml#Parse
// [dsn]: https://pkg.go.dev/github.com/mailkeel/mailkeel/mailer/dsn
package acs
