// Package mailer is the contract of Mailkeel: what a message is, what sends it, and
// what became of it.
//
// A [Message] is plain data. A [Sender] sends it: an adapter under providers, the
// router, or a wrapper around one. Send ends in a verdict about the message, an
// [Outcome], and not only in an error:
//
//   - [Accepted]: the provider has taken responsibility.
//   - [NotAccepted]: the provider provably does not have the message. Sending it again cannot double it.
//   - [Unknown]: it may have the message. Sending it again may double it; not sending it may lose it.
//   - [PartlyAccepted]: some recipients were accepted, the others were not.
//
// The verdict follows the boundary rule. Before the last byte that the provider needs
// has been released, every failure is NotAccepted. After it, without a complete and
// understood reply, it is Unknown. Nothing else decides.
//
// A nil error means that every recipient was accepted. Otherwise the error is a
// [*SendError] with the whole account in its [Receipt]:
//
//	receipt, err := sender.Send(ctx, msg)
//	if err == nil {
//		return nil // accepted, for every recipient
//	}
//	switch e := mailer.AsSendError(err); e.Outcome {
//	case mailer.PartlyAccepted: // see receipt.Recipients
//	case mailer.NotAccepted: // nobody has it: e.Scope says whose fault it was
//	default: // mailer.Unknown: somebody may have it, ask before sending again
//	}
//
// The package opens no connection, starts no goroutine and keeps no state.
package mailer
