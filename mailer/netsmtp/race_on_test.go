//go:build race

package netsmtp_test

const raceDetector = true
