package realmail

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const killedVariable = "MAILKEEL_REALMAIL_TO_BE_KILLED"

// TestKilled is also the process that is killed: it starts the servers and waits.
func TestKilled(t *testing.T) {
	if os.Getenv(killedVariable) != "" {
		s := Start(t)
		fmt.Println(s.dir)
		select {}
	}
	t.Parallel()
	if _, err := findPrograms(); err != nil {
		unavailable(t, err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), killedVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var dir string
	if _, err := fmt.Fscanln(out, &dir); err != nil || !filepath.IsAbs(dir) {
		t.Errorf("the process said %q, %v, want a directory", dir, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	if !t.Failed() && !isGoneBy(dir, time.Now().Add(startLimit)) {
		t.Errorf("%s is still there: the servers outlive their test", dir)
	}
}

func isGoneBy(path string, deadline time.Time) bool {
	for time.Now().Before(deadline) {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			return true
		}
		time.Sleep(pollEvery)
	}
	return false
}
