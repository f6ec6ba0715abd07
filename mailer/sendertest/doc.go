// Package sendertest checks that a [mailer.Sender] keeps the rules of its interface.
//
// The author of an adapter writes a fake of the provider, which knows what it really
// accepted, and hands both to [Run]:
//
//	func TestConformance(t *testing.T) {
//		sendertest.Run(t, func(t testing.TB) sendertest.Harness {
//			const key = "SG.conformance-test"
//			server := newFakeServer(t, key) // has the methods of sendertest.Provider
//			client, err := example.New(example.Config{BaseURL: server.URL, Key: mailer.NewSecret(key)})
//			if err != nil {
//				t.Fatal(err)
//			}
//			return sendertest.Harness{Sender: client, Provider: server, Secrets: []string{key}}
//		})
//	}
//
// Every case starts with a fresh Harness, tells the fake which [Fault] the next attempt
// meets, sends, and compares three things: what Send said, what [Fault.Verdict] says is
// right, and the provider's truth. Each failure quotes the rule that was broken.
//
// Everything runs in real time, because the connections usually are real. The bounds
// leave room for a slow machine. Nothing waits longer than it has to; the cases about
// deadlines and [mailer.Gate.CommitBy] take about three seconds together.
//
// A router or wrapper passes too when it is set up to make one attempt a message. What a
// router is called ([mailer.Named]) may differ from what its receipts say, which name the route.
package sendertest
