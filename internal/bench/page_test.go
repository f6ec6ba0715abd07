package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The page for those who come from sendgrid-go shows code that its client compiles with. The module itself
// does without that client, and its test leaves this block out.
func TestSendGridPage(t *testing.T) {
	page, err := os.ReadFile("../docs/migrate-sendgrid-go.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "\n```go\n")
	code, _, closed := strings.Cut(rest, "\n```\n")
	if !found || !closed || !strings.Contains(code, `"github.com/sendgrid/sendgrid-go"`) {
		t.Fatal("the page has no code before the change")
	}
	file := filepath.Join(t.TempDir(), "before.go")
	if err := os.WriteFile(file, []byte(code+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}
