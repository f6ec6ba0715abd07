package acs_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// TestCallersContext is P6: what a ctx asks azcore for is meant for the caller's own requests. A send neither
// repeats because of it, nor waits in order to, nor takes header fields from it.
func TestCallersContext(t *testing.T) {
	fake, client := start(t, acstest.Config{}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ctx = policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: 3, RetryDelay: time.Hour, MaxRetryDelay: time.Hour})
	ctx = policy.WithHTTPHeader(ctx, http.Header{"Operation-Id": {"mine"}, "Authorization": {"mine"}, "X-Mine": {"1"}})
	fake.Next(acstest.Reply(acstest.HTMLPage(http.StatusBadGateway)))
	if _, err := client.Send(ctx, simple()); mailer.AsSendError(err).Outcome != mailer.Unknown || ctx.Err() != nil {
		t.Errorf("%v; the context: %v", err, ctx.Err())
	}
	msg := simple()
	msg.IdempotencyKey = "order-1"
	if _, err := client.Send(ctx, msg); err != nil {
		t.Error(err)
	}
	posts := 0
	for _, r := range fake.Requests() {
		if r.Header.Get("X-Mine") != "" {
			t.Errorf("header fields of the caller: %v", r.Header)
		}
		if r.Method == http.MethodPost {
			posts++
		}
	}
	if all := held(t, fake); posts != 2 || len(all) != 1 || all[0].OperationID != acs.OperationID("order-1") {
		t.Errorf("%d requests to send, %d messages: %+v", posts, len(all), all)
	}
}
