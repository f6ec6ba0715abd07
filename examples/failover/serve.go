package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// limits are how long things may take.
type limits struct {
	// send is how long a client waits for its answer.
	send time.Duration
	// stop is how long requests under way are waited for at the end. It is longer than send, so that
	// all that was begun is finished, and shorter than what platforms grant before they kill.
	stop time.Duration
	// cut is how long what is still under way then is waited for.
	cut time.Duration
}

func usualLimits() limits {
	return limits{send: 10 * time.Second, stop: 15 * time.Second, cut: 2 * time.Second}
}

// serve answers requests until ctx ends. When it returns, every message that was begun has its
// verdict, and who asked for it an answer.
func serve(ctx context.Context, l net.Listener, h http.Handler, s *service) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return errors.Join(err, s.close(ctx))
	case <-ctx.Done():
	}
	s.log.Info("stopping")
	late := within(ctx, s.limits.stop, server.Shutdown)  // no new request, and those under way are waited for
	cut := s.close(ctx)                                  // what was too slow for that gets its verdict now,
	unread := within(ctx, s.limits.cut, server.Shutdown) // and who waits for it an answer
	return errors.Join(late, cut, unread, server.Close())
}

// close ends the sender and waits until every message has its verdict.
func (s *service) close(ctx context.Context) error {
	err := within(ctx, s.limits.cut, s.sender.Close)
	s.sends.Wait()
	s.doubts.report(s.log)
	return err
}

// within calls do with a limit of its own, whether ctx has ended or not.
func within(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	return do(ctx)
}
