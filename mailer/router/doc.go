// Package router makes one Sender of many, so that mail leaves through whichever provider
// is up, without losing a message and without sending it twice.
//
//	r, err := router.New(router.Config{Routes: []router.Route{
//		{Name: "primary", Sender: primary},
//		{Name: "backup", Sender: backup},
//	}})
//	defer r.Close(ctx)
//	receipt, err := r.Send(ctx, msg)
//
// A connection string does the same: failover(sendgrid://... smtp://...); see package dsn.
//
// # What follows from a verdict
//
// A message goes on to the next route when this one's verdict is [mailer.NotAccepted] and
// another may take it: the provider is in trouble, its limit is reached, the credentials or
// the sender were refused, or it lacks a feature. What is wrong with the message or with a
// recipient would be so elsewhere, and stands. Where no other route is left, what is temporary is tried
// again after a while, within a budget. Of several recipients only those that no
// provider accepted go on.
//
// After [mailer.Unknown] the provider is asked, where it can be; it gets the message once more where
// it knows it by its key. Otherwise that is the verdict, unless the message is to be
// delivered at least once: then it goes on, and may arrive twice.
//
// # Time
//
// The time until ctx's deadline is divided among the routes. An attempt that does not get
// going gets company: another route starts alongside, and a [mailer.Gate] lets one of them
// send. After that there is nothing but to wait for the answer.
//
// # Health
//
// A route rests after five failures in a row, or when half of its attempts fail. The
// router checks it in the background, and one message goes first when the check passes. A
// rate limit keeps messages from it for as long as it lasts; wrong credentials until they are
// right. A refused message or recipient says nothing about a route. See [Router.Health].
//
// The Senders must keep the rules of [mailer.Sender], about the gate above all.
package router
