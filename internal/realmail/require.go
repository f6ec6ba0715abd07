package realmail

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// requireVariable makes what would be skipped fail: where everything is installed on
// purpose, nothing may skip unseen.
const requireVariable = "MAILKEEL_REQUIRE_REALMAIL"

func unavailable(tb testing.TB, reason error) {
	tb.Helper()
	if os.Getenv(requireVariable) == "1" {
		tb.Fatalf("realmail: %v", reason)
	}
	tb.Skipf("realmail: %v", reason)
}

const debianPackages = "postfix dovecot-core"

// programs are the paths of what Start runs.
type programs struct{ master, dovecot string }

func findPrograms() (programs, error) {
	var p programs
	postconf, err := findProgram("postconf", debianPackages)
	if err != nil {
		return p, err
	}
	if p.dovecot, err = findProgram("dovecot", debianPackages); err != nil {
		return p, err
	}
	if os.Getuid() != 0 {
		return p, errors.New("postfix can be started by root only")
	}
	p.master, err = masterProgram(postconf)
	return p, err
}

// findProgram looks where daemons are installed too, which is not in every PATH.
func findProgram(name, packages string) (string, error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed (apt-get install %s)", name, packages)
}

// masterProgram returns Postfix's supervisor. The rig starts it itself: the postfix command
// would leave it without a parent that waits for it.
func masterProgram(postconf string) (string, error) {
	out, err := exec.Command(postconf, "-d", "-h", "daemon_directory").Output()
	if err != nil {
		return "", fmt.Errorf("postconf: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "master"), nil
}
