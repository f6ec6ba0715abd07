package netsmtp_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	modulePath = "github.com/mailkeel/mailkeel"
	dropIn     = modulePath + "/mailer/netsmtp"
)

// leftOut are the standard library's tests that cannot be those of another package, each
// with what stands in its way. Whatever is not here has to pass, so that a test that a new
// version of Go brings is run, or is missed by name.
var leftOut = map[string]string{
	"TestBasic":               "sets Client.didHello, tls and serverName, which are not exported",
	"TestHELOFailed":          "sets Client.localName in a literal",
	"TestExtensions":          "sets Client.localName and didHello",
	"TestClientAuthTrimSpace": "sets Client.tls and didHello",
	"TestNewClientWithTLS":    "reads Client.tls",
	"TestHello":               "sets Client.localName, tls and serverName",
	"TestAuthFailed":          "sets Client.tls and serverName",
	"TestTLSClient":           "trusts its certificate through testHookStartTLS; TestOffersOfTLS sends through STARTTLS",
	"TestTLSConnState":        "trusts its certificate through testHookStartTLS; the Client is the standard library's",
	"init":                    "sets testHookStartTLS",
}

// TestStandardLibrary is P24: net/smtp's own tests, read from GOROOT, pass with the import path
// changed, in a module of their own that has this one as its net/smtp.
func TestStandardLibrary(t *testing.T) {
	source := standardSource(t)
	internal, kept := rewrite(t, filepath.Join(source, "smtp_test.go"))
	examples, shown := rewrite(t, filepath.Join(source, "example_test.go"))
	dir := newModule(t)
	write(t, filepath.Join(dir, "smtp_test.go"), internal)
	write(t, filepath.Join(dir, "examples", "example_test.go"), examples)

	output, err := goCommand(dir, "test", "-v", "./...")
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	var passed []string
	for _, m := range regexp.MustCompile(`(?m)^--- PASS: (Test\w+)`).FindAllStringSubmatch(output, -1) {
		passed = append(passed, m[1])
	}
	slices.Sort(passed)
	if !slices.Equal(passed, kept) || len(kept) < 6 {
		t.Errorf("passed: %q\nwanted: %q\n%s", passed, kept, output)
	}
	if len(shown) != 0 || !strings.Contains(output, "ok  \tdropin/examples") {
		t.Errorf("the examples did not compile: %s", output)
	}
	t.Logf("passed: %q", passed)
}

// standardSource returns the folder of net/smtp in the standard library in use.
func standardSource(t *testing.T) string {
	t.Helper()
	root, err := goCommand(".", "env", "GOROOT")
	if err != nil {
		t.Fatal(err, root)
	}
	return filepath.Join(strings.TrimSpace(root), "src", "net", "smtp")
}

// rewrite returns the file with the drop-in in the place of net/smtp, without what is left out, and
// the names of the tests in it.
func rewrite(t *testing.T, path string) (code []byte, tests []string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	file.Decls = slices.DeleteFunc(file.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil {
			return false
		}
		_, without := leftOut[f.Name.Name]
		if !without && strings.HasPrefix(f.Name.Name, "Test") {
			tests = append(tests, f.Name.Name)
		}
		return without
	})
	slices.Sort(tests)
	asOwnPackage(file)
	var b bytes.Buffer
	if err := format.Node(&b, fset, file); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), tests
}

// asOwnPackage makes file import the drop-in: under the name of net/smtp where it imports that,
// and with all its names where it is a part of it. Imports that nothing needs any more go.
func asOwnPackage(file *ast.File) {
	used := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
	imports := file.Decls[0].(*ast.GenDecl) //nolint:forcetypeassert // what a file begins with that imports
	imports.Specs = slices.DeleteFunc(imports.Specs, func(s ast.Spec) bool {
		path := importPath(s)
		return !used[path[strings.LastIndexByte(path, '/')+1:]]
	})
	for _, s := range imports.Specs {
		if importPath(s) == "net/smtp" {
			s.(*ast.ImportSpec).Path.Value = strconv.Quote(dropIn) //nolint:forcetypeassert // as above
			s.(*ast.ImportSpec).Name = ast.NewIdent("smtp")        //nolint:forcetypeassert // as above
		}
	}
	if file.Name.Name == "smtp" {
		file.Name.Name = "dropin_test"
		imports.Specs = append(imports.Specs, &ast.ImportSpec{
			Name: ast.NewIdent("."), Path: &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(dropIn)},
		})
	}
}

func importPath(s ast.Spec) string {
	path, _ := strconv.Unquote(s.(*ast.ImportSpec).Path.Value) //nolint:forcetypeassert // a parsed import
	return path
}

// newModule returns the folder of a module that has this checkout for a dependency.
func newModule(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	own := regexp.MustCompile(`(?m)^module .*$`).ReplaceAll(mod, []byte("module dropin"))
	own = fmt.Appendf(own, "\nrequire %s v0.0.0\n\nreplace %s => %s\n", modulePath, modulePath, strconv.Quote(root))
	write(t, filepath.Join(dir, "go.mod"), own)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), sum)
	write(t, filepath.Join(dir, "doc.go"), []byte("package dropin\n"))
	write(t, filepath.Join(dir, "examples", "doc.go"), []byte("package smtp\n"))
	return dir
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// goCommand runs the go command in dir, without a network and without what this test was run with.
func goCommand(dir string, args ...string) (string, error) {
	c := exec.Command("go", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := c.CombinedOutput()
	return string(out), err
}

// TestLeftOutTestsExist: the list above is about tests that there are.
func TestLeftOutTestsExist(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(standardSource(t), "smtp_test.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	rest := maps.Clone(leftOut)
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			delete(rest, f.Name.Name)
		}
	}
	if len(rest) > 0 {
		t.Errorf("left out, and not there: %q", slices.Sorted(maps.Keys(rest)))
	}
}
