// Package docs_test checks the pages of this folder: their code compiles, and their links lead somewhere.
package docs_test

import (
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func pages(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no pages %s: %v", pattern, err)
	}
	return names
}

var block = regexp.MustCompile("(?s)\n```go\n(.*?)\n```\n")

// blocks returns the Go files in a page.
func blocks(t *testing.T, page string) []string {
	t.Helper()
	var files []string
	for _, match := range block.FindAllStringSubmatch(read(t, page), -1) {
		files = append(files, match[1]+"\n")
	}
	if len(files) < 2 {
		t.Fatalf("%s: %d blocks, want before and after", page, len(files))
	}
	return files
}

// sendGridClient needs a module that this one does without; internal/bench checks the block that imports it.
const sendGridClient = `"github.com/sendgrid/sendgrid-go"`

// Every block is a whole file, formatted, and passes go vet against this module and the vendors' own.
func TestCode(t *testing.T) {
	dir := t.TempDir()
	for _, page := range pages(t, "migrate-*.md") {
		for i, code := range blocks(t, page) {
			if strings.Contains(code, sendGridClient) {
				continue
			}
			file := filepath.Join(dir, strings.TrimSuffix(page, ".md")+"-"+strconv.Itoa(i)+".go")
			if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Run(filepath.Base(file), func(t *testing.T) { vet(t, file) })
		}
	}
}

func vet(t *testing.T, file string) {
	t.Helper()
	if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
	code := read(t, file)
	if formatted, err := format.Source([]byte(code)); err != nil || string(formatted) != code {
		t.Errorf("not as gofmt has it: %v", err)
	}
}

// The page about net/smtp shows the example that runs.
func TestExampleIsShown(t *testing.T) {
	page := blocks(t, "migrate-net-smtp.md")
	for i, folder := range []string{"before", "after"} {
		if want := read(t, "../../examples/netsmtp/"+folder+"/app/app.go"); page[i] != want {
			t.Errorf("%s: got\n%s\nwant\n%s", folder, page[i], want)
		}
	}
}

var (
	link     = regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	codeLine = regexp.MustCompile(`(?m)^    .*$`)
)

// Links lead to files, and README to every page for those who come from elsewhere.
func TestLinks(t *testing.T) {
	readme := "../../README.md"
	for _, page := range append(pages(t, "*.md"), readme) {
		text := codeLine.ReplaceAllString(read(t, page), "")
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], ":") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), match[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
	for _, page := range pages(t, "migrate-*.md") {
		if !strings.Contains(read(t, readme), "](internal/docs/"+page+")") {
			t.Errorf("README does not link %s", page)
		}
	}
}
