//go:build !linux

package main

import (
	"errors"
	"time"
)

// What these report is known on Linux only; the other figures do not depend on it.

func ownCPUTime() time.Duration { return 0 }

func cpuTime(int) time.Duration { return 0 }

func resetPeak() error { return nil }

func memory() (now, peak int64, err error) { return 0, 0, errors.ErrUnsupported }
