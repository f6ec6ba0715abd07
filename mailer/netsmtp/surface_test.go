package netsmtp_test

import (
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestSurface is P24 for the compiler: whatever net/smtp exports is here too, under the same name
// and of the same type. Types are its own, so that their methods need no comparison.
func TestSurface(t *testing.T) {
	scopes := load(t, "net/smtp", dropIn)
	theirs, ours := scopes[0], scopes[1]
	compared := 0
	for _, name := range theirs.Names() {
		if want := theirs.Lookup(name); want.Exported() {
			compared++
			if objection := compare(want, ours.Lookup(name)); objection != "" {
				t.Errorf("%s: %s", name, objection)
			}
		}
	}
	if compared < 8 {
		t.Errorf("net/smtp was found to export %d names, which it has had more of since Go 1", compared)
	}
}

func compare(want, got types.Object) string {
	switch {
	case got == nil:
		return "is missing"
	case strings.Fields(want.String())[0] != strings.Fields(got.String())[0]: // func, type, const or var
		return "is " + got.String() + ", not " + want.String()
	case !types.Identical(want.Type(), got.Type()):
		return "has the type " + got.Type().String() + ", not " + want.Type().String()
	}
	return ""
}

// load imports packages from what the compiler made of them, so that a type of net/smtp is the same
// whoever names it.
func load(t *testing.T, paths ...string) []*types.Scope {
	t.Helper()
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, paths...)
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	var scopes []*types.Scope
	for _, path := range paths {
		pkg, err := imports.Import(path)
		if err != nil {
			t.Fatal(err)
		}
		scopes = append(scopes, pkg.Scope())
	}
	return scopes
}

// TestSurfaceIsCompared: the comparison above notices what it is there for.
func TestSurfaceIsCompared(t *testing.T) {
	theirs := load(t, "net/smtp")[0]
	for _, names := range [][2]string{{"Dial", ""}, {"Dial", "NewClient"}, {"Auth", "Client"}, {"Dial", "Auth"}} {
		if compare(theirs.Lookup(names[0]), theirs.Lookup(names[1])) == "" {
			t.Errorf("%s passes for %s", names[1], names[0])
		}
	}
}
