// Package mailertest has senders for the tests of programs that send mail. None of
// them opens a connection.
//
//   - [Recorder] accepts every message and keeps it, to be looked at afterwards.
//   - [Script] does what a list of steps says: refusals, lost replies, delays.
//   - [Flaky] fails by chance, the same way for the same seed, and knows the truth.
//
// All of them check messages as real senders do, and obey ctx and [mailer.Gate], so
// that they can stand behind a router; [Profile] says which provider they play, and whether
// it passes a router's checks. They are safe for concurrent use and must not be
// copied. To test a Sender of your own, see package sendertest.
package mailertest
