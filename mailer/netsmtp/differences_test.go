package netsmtp_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDifferencesAreTested: each difference of the package's documentation is cited by a test, and none
// that is not there.
func TestDifferencesAreTested(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^//  (\d+)\. `).FindAllSubmatch(doc, -1) {
		listed[string(m[1])] = true
	}
	cited := citations(t)
	for n := range listed {
		if !cited[n] {
			t.Errorf("no test cites difference %s", n)
		}
	}
	for n := range cited {
		if !listed[n] {
			t.Errorf("a test cites difference %s, which is not listed", n)
		}
	}
	if len(listed) != 14 || !listed[strconv.Itoa(len(listed))] {
		t.Errorf("listed are %v", listed)
	}
}

func citations(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`\d+`)
	cited := map[string]bool{}
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`Differences? (\d+(?:(?:, | and )\d+)*)`).FindAllString(string(code), -1) {
			for _, n := range number.FindAllString(strings.TrimPrefix(m, "Difference"), -1) {
				cited[n] = true
			}
		}
	}
	return cited
}
