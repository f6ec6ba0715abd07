package archtest

import (
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestRepository applies every rule to the repository itself.
func TestRepository(t *testing.T) {
	repository := os.DirFS("../..")
	fset := token.NewFileSet()
	all, err := readModule(repository, fset)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(all, func(s *source) bool { return s.dir == "mailer" && len(s.files) > 0 }) {
		t.Fatal("package mailer was not found")
	}
	report := func(rule string, violations []string) {
		for _, v := range violations {
			t.Errorf("%s: %s", rule, v)
		}
	}
	report("layers", checkLayers(all))
	report("closures", checkClosures(all))
	report("third party", checkThirdParty(all))
	report("contract", checkContract(all))
	report("state", checkState(all, fset))
	for rule, check := range map[string]func(fs.FS) ([]string, error){"top level": checkTopLevel, "mentions": checkMentions} {
		violations, err := check(repository)
		if err != nil {
			t.Errorf("%s: %v", rule, err)
		}
		report(rule, violations)
	}
}

// pkg is a package of an imagined repository. A name that begins with "test:" is
// imported by its test.
func pkg(dir string, imports ...string) *source {
	s := &source{dir: dir}
	for _, imported := range imports {
		name, isTest := strings.CutPrefix(imported, "test:")
		if layerOf(name) != "" {
			name = modulePath + "/" + name
		}
		if isTest {
			s.testImports = append(s.testImports, name)
		} else {
			s.imports = append(s.imports, name)
		}
	}
	return s
}

func TestImportRules(t *testing.T) {
	for name, c := range map[string]struct {
		all  []*source
		rule func([]*source) []string
		want string // part of the only violation; empty when there is none
	}{
		"every direction that is allowed": {[]*source{
			pkg("internal/redact", "strings"), pkg("mailer", "internal/redact", "golang.org/x/net/idna"),
			pkg("mailer/eml", "mailer"), pkg("mailer/router", "mailer", "mailer/eml"), pkg("internal/smtpwire", "mailer"),
			pkg("providers/smtp", "mailer", "internal/smtpwire", "mailer/eml", "providers/smtp/preset"), pkg("providers/smtp/preset"),
			pkg("providers", "providers/smtp", "mailer/router"), pkg("examples/send", "providers", "internal/smtpfake"),
			pkg("mailer/sendertest", "internal/faultconn"), pkg("internal/smtpfake", "mailer"), pkg("internal/faultconn"),
		}, checkLayers, ""},
		"leaf imports contract":           {[]*source{pkg("internal/redact", "mailer")}, checkLayers, "internal/redact (leaf) imports mailer (contract)"},
		"contract imports feature":        {[]*source{pkg("mailer", "mailer/eml")}, checkLayers, "mailer (contract) imports mailer/eml (feature)"},
		"contract imports the wire":       {[]*source{pkg("mailer", "internal/httpapi")}, checkLayers, "imports internal/httpapi (wire)"},
		"feature imports adapter":         {[]*source{pkg("mailer/router", "providers/smtp")}, checkLayers, "mailer/router (feature) imports providers/smtp (adapter)"},
		"feature imports facade":          {[]*source{pkg("mailer/netsmtp", "providers")}, checkLayers, "imports providers (facade)"},
		"adapter imports adapter":         {[]*source{pkg("providers/acs", "providers/smtp")}, checkLayers, "providers/acs (adapter) imports providers/smtp (adapter)"},
		"adapter imports a similar name":  {[]*source{pkg("providers/smtp", "providers/smtp2go")}, checkLayers, "imports providers/smtp2go"},
		"adapter imports router":          {[]*source{pkg("providers/smtp", "mailer/router")}, checkLayers, "imports mailer/router"},
		"adapter imports facade":          {[]*source{pkg("providers/smtp", "providers")}, checkLayers, "imports providers (facade)"},
		"adapter imports rig":             {[]*source{pkg("providers/smtp", "internal/smtpfake")}, checkLayers, "imports internal/smtpfake (rig)"},
		"adapter imports rig in its test": {[]*source{pkg("providers/smtp", "test:internal/smtpfake")}, checkLayers, ""},
		"facade imports example":          {[]*source{pkg("providers", "examples/send")}, checkLayers, "imports examples/send (example)"},
		"package at the top":              {[]*source{pkg(".")}, checkLayers, "no package may be here"},
		"package in a new place":          {[]*source{pkg("cmd/send")}, checkLayers, "no package may be here"},

		"closure of an adapter": {[]*source{
			pkg("providers/smtp", "mailer/dsn"), pkg("providers/acs"), pkg("mailer/dsn", "mailer"), pkg("mailer"), pkg("providers", "providers/smtp", "providers/acs"),
		}, checkClosures, ""},
		"closure reaches another adapter": {[]*source{
			pkg("providers/smtp", "mailer/dsn"), pkg("mailer/dsn", "providers/acs"), pkg("providers/acs"),
		}, checkClosures, "providers/smtp comes with providers/acs"},

		"module in its place":         {[]*source{pkg("providers/smtp", "github.com/wneessen/go-mail/smtp")}, checkThirdParty, ""},
		"module out of its place":     {[]*source{pkg("mailer/eml", "github.com/wneessen/go-mail")}, checkThirdParty, "mailer/eml imports github.com/wneessen/go-mail, which only"},
		"module of another adapter":   {[]*source{pkg("providers/smtp", "github.com/sendgrid/sendgrid-go/helpers/mail")}, checkThirdParty, "which only [providers/sendgrid] may"},
		"module that is not known":    {[]*source{pkg("mailer/eml", "gopkg.in/gomail.v2")}, checkThirdParty, "imports gopkg.in/gomail.v2, which is not in the list"},
		"module with a longer name":   {[]*source{pkg("providers/smtp", "github.com/wneessen/go-mail-middleware")}, checkThirdParty, "is not in the list"},
		"module in a test":            {[]*source{pkg("mailer/eml", "test:github.com/wneessen/go-mail")}, checkThirdParty, ""},
		"unknown module in a test":    {[]*source{pkg("mailer/eml", "test:gopkg.in/gomail.v2")}, checkThirdParty, "imports gopkg.in/gomail.v2 in a test"},
		"net/smtp in the drop-in":     {[]*source{pkg("mailer/netsmtp", "net/smtp")}, checkThirdParty, ""},
		"net/smtp in a test":          {[]*source{pkg("internal/realmail", "test:net/smtp")}, checkThirdParty, ""},
		"net/smtp elsewhere":          {[]*source{pkg("providers/smtp", "net/smtp")}, checkThirdParty, "providers/smtp imports net/smtp"},
		"testing in the conformance":  {[]*source{pkg("mailer/sendertest", "testing")}, checkThirdParty, ""},
		"testing in what is shipped":  {[]*source{pkg("mailer/eml", "testing")}, checkThirdParty, "mailer/eml imports testing"},
		"contract with idna":          {[]*source{pkg("mailer", "net/mail", "golang.org/x/net/idna", "internal/redact")}, checkContract, ""},
		"contract with the network":   {[]*source{pkg("mailer", "net")}, checkContract, "mailer imports net"},
		"contract with a module":      {[]*source{pkg("mailer", "golang.org/x/text/encoding")}, checkContract, "mailer imports golang.org/x/text/encoding"},
		"network outside of contract": {[]*source{pkg("internal/httpapi", "net/http")}, checkContract, ""},
	} {
		t.Run(name, func(t *testing.T) { wantViolation(t, c.rule(c.all), c.want) })
	}
}

func wantViolation(t *testing.T, got []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(got) == 0:
	case want == "" || len(got) != 1 || !strings.Contains(got[0], want):
		t.Errorf("got %q, want one violation with %q", got, want)
	}
}

func TestStateRules(t *testing.T) {
	for name, c := range map[string]struct{ dir, code, want string }{
		"tables, constants and locals":  {"mailer/eml", "var table = map[string]int{`a`: 1}\nfunc f() int { table := 1; table = 2; table++; return table }", ""},
		"init":                          {"mailer/eml", "func init() {}", "mailer/eml/a.go:2:1: has an init function"},
		"method called init":            {"mailer/eml", "type T struct{}\nfunc (T) init() {}", ""},
		"assignment":                    {"mailer/eml", "var state int\nfunc f() { state = 1 }", "changes the package variable state"},
		"increment":                     {"mailer/eml", "var n int\nfunc f() { n++ }", "changes the package variable n"},
		"element":                       {"mailer/eml", "var table = map[string]int{}\nfunc f() { table[`a`] = 1 }", "changes the package variable table"},
		"delete":                        {"mailer/eml", "var table = map[string]int{}\nfunc f() { delete(table, `a`) }", "changes the package variable table"},
		"field through a pointer":       {"mailer/eml", "type T struct{ x int }\nvar v = new(T)\nfunc f() { (*v).x = 1 }", "changes the package variable v"},
		"range":                         {"mailer/eml", "var i int\nfunc f() { for i = range 3 {} }", "changes the package variable i"},
		"lock":                          {"mailer/eml", "import `sync`\nvar mu sync.Mutex", "has the package variable mu of type sync.Mutex"},
		"atomic":                        {"mailer/eml", "import `sync/atomic`\nvar p atomic.Pointer[int]", "has the package variable p of type atomic.Pointer"},
		"pool":                          {"mailer/eml", "import `sync`\nvar pool sync.Pool", ""},
		"lock in a function":            {"mailer/eml", "import `sync`\nfunc f() { var mu sync.Mutex; mu.Lock() }", ""},
		"default sender of the drop-in": {"mailer/netsmtp", "import `sync/atomic`\nvar sender atomic.Pointer[int]", ""},
		"goroutine in the contract":     {"mailer", "func f() { go f() }", "mailer/a.go:2:12: starts a goroutine"},
		"goroutine in a feature":        {"mailer/router", "func f() { go f() }", ""},
	} {
		t.Run(name, func(t *testing.T) {
			fset := token.NewFileSet()
			all, err := readModule(fstest.MapFS{c.dir + "/a.go": {Data: []byte("package p\n" + c.code)}}, fset)
			if err != nil {
				t.Fatal(err)
			}
			wantViolation(t, checkState(all, fset), c.want)
		})
	}
}

func TestReadModule(t *testing.T) {
	files := fstest.MapFS{}
	for name, content := range map[string]string{
		"mailer/a.go":               "package mailer\nimport `os`",
		"mailer/a_windows.go":       "package mailer\nimport `syscall`",
		"mailer/a_test.go":          "package mailer\nimport `testing`",
		"mailer/testdata/a.go":      "package broken",
		"internal/bench/go.mod":     "module nested",
		"internal/bench/a.go":       "package bench",
		".ci/a.go":                  "package ci",
		"internal/docs/readme.md":   "text",
		"internal/redact/_old/a.go": "package old",
	} {
		files[name] = &fstest.MapFile{Data: []byte(content)}
	}
	all, err := readModule(files, token.NewFileSet())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].dir != "mailer" || !slices.Equal(all[0].imports, []string{"os", "syscall"}) ||
		!slices.Equal(all[0].testImports, []string{"testing"}) {
		t.Errorf("got %+v, want mailer alone", all)
	}
}

func TestTopLevel(t *testing.T) {
	files := fstest.MapFS{".gitignore": {Data: []byte("# built\n*.test\n/bin/\n")}}
	for _, name := range []string{"go.mod", "mailer/a.go", ".ci/run", "a.test", "bin/send"} {
		files[name] = &fstest.MapFile{}
	}
	got, err := checkTopLevel(files)
	if err != nil {
		t.Fatal(err)
	}
	wantViolation(t, got, "")
	files["notes.md"] = &fstest.MapFile{}
	if got, err = checkTopLevel(files); err != nil {
		t.Fatal(err)
	}
	wantViolation(t, got, "notes.md: not an entry")
}

func TestMentions(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"nothing":           {"see pkg.go.dev and net/work/x", ""},
		"host":              {"GOPROXY=https://proxy.golang" + ".org", "a.md:2: mentions proxy.golang"},
		"another host":      {"from pypi" + ".org", "mentions pypi"},
		"path":              {"cd /wor" + "k/main", "mentions /work"},
		"path in quotes":    {`"/roo` + `t/go"`, "/root"},
		"path of a package": {"mailer/wor" + "k/main", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := checkMentions(fstest.MapFS{
				".gitignore": {}, ".git/config": {Data: []byte("/wor" + "k/main")}, "a.md": {Data: []byte("first\n" + c.line + "\n")},
			})
			if err != nil {
				t.Fatal(err)
			}
			wantViolation(t, got, c.want)
		})
	}
}
