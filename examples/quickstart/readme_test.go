package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The program in the README is built and run as it stands there, and does what its comments say.
func TestReadmeProgram(t *testing.T) {
	_, rest, found := strings.Cut(readme(t), "\n```go\n")
	program, _, closed := strings.Cut(rest, "\n```\n")
	if !found || !closed {
		t.Fatal("the README has no program")
	}
	binary := buildInModule(t, program)
	server := mustStart(t).relay
	for _, c := range []struct {
		url, want string
	}{
		{server.url, "accepted for everybody: 1-1\n"},
		{"smtp://127.0.0.1:1", "nobody has it: smtp: "},
		{"smtp://", "connection string: "},
	} {
		cmd := exec.Command(binary)
		cmd.Env = append(os.Environ(), "MAILER_URL="+c.url)
		out, _ := cmd.CombinedOutput() // the program's log says how it ended
		if !strings.Contains(string(out), c.want) {
			t.Errorf("%s: printed %q, want %q", c.url, out, c.want)
		}
	}
	if got := len(server.Messages()); got != 1 {
		t.Errorf("the server has %d messages, want 1", got)
	}
}

// buildInModule vets and builds a program as part of this module.
func buildInModule(t *testing.T, program string) (binary string) {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	binary = filepath.Join(dir, "readme.exe") // the name suits every system
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"vet", source}, {"build", "-o", binary, source}} {
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, out)
		}
	}
	return binary
}

// The README lists every scheme, every composite and every parameter, so that none is added in silence.
func TestReadmeParameters(t *testing.T) {
	text := readme(t)
	for _, composite := range []string{"failover", "roundrobin", "weighted"} {
		if !strings.Contains(text, "| `"+composite+"(") {
			t.Errorf("%s(...) is missing", composite)
		}
	}
	names := knownParameters(t, "failover(failover(smtp://h)?unheard_of=1)") // those of every member as well
	for _, schemes := range providers.Mux() {
		for _, scheme := range schemes {
			if !strings.Contains(text, "| `"+scheme.Name+"://") {
				t.Errorf("scheme %s is missing", scheme.Name)
			}
			names = append(names, knownParameters(t, scheme.Name+"://h?unheard_of=1")...)
		}
	}
	slices.Sort(names)
	listed := firstCells(text)
	for _, name := range slices.Compact(names) {
		if !strings.Contains(listed, "`"+name+"=") {
			t.Errorf("parameter %s is missing", name)
		}
	}
}

// It names every adapter and every example.
func TestReadmeFolders(t *testing.T) {
	text := readme(t)
	for folder, form := range map[string]string{"../../providers": "`providers/%s`", "..": "`%s`"} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := fmt.Sprintf(form, e.Name()); e.IsDir() && !strings.Contains(text, name) {
				t.Errorf("%s is missing", name)
			}
		}
	}
}

// What the Azure portal shows can be pasted, alone and as a member.
func TestReadmePortalForm(t *testing.T) {
	azure := acstest.Start(t, acstest.Config{TLS: testcert.Server(testcert.Must(t).Valid)})
	for _, url := range []string{azure.ConnectionString(), "failover(" + azure.ConnectionString() + " smtp://h)"} {
		sender, err := providers.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if _, found := mailer.Find[*acs.Client](sender); !found {
			t.Error("no client of Azure is found")
		}
		closeSender(t.Context(), sender)
	}
}

// firstCells returns what stands first in the rows of tables.
func firstCells(text string) string {
	var cells strings.Builder
	for line := range strings.Lines(text) {
		if row, found := strings.CutPrefix(line, "| "); found {
			cell, _, _ := strings.Cut(row, " | ")
			cells.WriteString(cell + "\n")
		}
	}
	return cells.String()
}

// knownParameters returns those that the refusal of an unknown one lists.
func knownParameters(t *testing.T, url string) []string {
	t.Helper()
	_, err := providers.Open(t.Context(), url)
	if err == nil {
		t.Fatalf("%s is opened", url)
	}
	_, list, found := strings.Cut(err.Error(), ": known are ")
	if !found {
		t.Fatalf("%s: the parameters are not listed: %v", url, err)
	}
	return strings.Split(list, ", ")
}

// What the README says the quickstart needs is what it takes.
func TestReadmeVariables(t *testing.T) {
	text := []byte(readme(t))
	for _, name := range []string{"MAILER_URL", "MAILER_FROM", "MAILER_TO"} {
		if !bytes.Contains(text, []byte("`"+name+"`")) {
			t.Errorf("%s is missing", name)
		}
	}
}
