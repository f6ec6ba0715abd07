//go:build unix

package main

import (
	"os"
	"testing"
)

// A character device that is not the null device is taken for a terminal.
func TestIsTerminalDevice(t *testing.T) {
	f, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if !isTerminal(f) {
		t.Error("it is not taken for a terminal")
	}
}
