package main

import (
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/outage"
)

// A plan is how much is measured.
type plan struct {
	reps int
	// counted is how many messages round trips are counted over.
	counted int
	// distant is how many messages each caller sends over the long way.
	distant int
	// span is how long small messages are sent, warm how long beforehand.
	span, warm time.Duration
	// attachmentBytes is the size of the large attachment, large how many are sent.
	attachmentBytes, large int
	// building is how long messages are built.
	building time.Duration
	// passing is how long messages pass through what decides about them.
	passing time.Duration
	// outage is what is sent while a provider is out of order.
	outage outage.Plan
}

func fullPlan() plan {
	return plan{
		reps: 5, counted: 100, distant: 8, span: 250 * time.Millisecond, warm: 40 * time.Millisecond,
		attachmentBytes: 10 << 20, large: 3, building: 150 * time.Millisecond, passing: 240 * time.Millisecond,
		outage: outage.Plan{Messages: 200, Every: 100 * time.Millisecond, Limit: 10 * time.Second, SlowReply: 12 * time.Second},
	}
}

func quickPlan() plan {
	return plan{
		reps: 1, counted: 20, distant: 2, span: 40 * time.Millisecond, warm: 5 * time.Millisecond,
		attachmentBytes: 10 << 20, large: 1, building: 10 * time.Millisecond, passing: 10 * time.Millisecond,
		outage: outage.Plan{Messages: 40, Every: 50 * time.Millisecond, Limit: 3 * time.Second, SlowReply: 4 * time.Second},
	}
}
