package mailertest

import (
	"context"
	"time"
)

// A Wait holds an attempt up and returns nil when it may go on. It returns ctx's error
// soon after ctx ends; any error means that the connection is lost.
type Wait func(ctx context.Context) error

// For returns a Wait of that long.
func For(d time.Duration) Wait {
	return func(ctx context.Context) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Until returns a Wait until ch is closed or sends something; nil waits until ctx ends.
func Until(ch <-chan struct{}) Wait {
	return func(ctx context.Context) error {
		select {
		case <-ch:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
