//go:build race

package router_test

// raceEnabled: the race detector makes everything ten times slower.
const raceEnabled = true
