package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A source is one package of the module as it is written: files for all systems.
type source struct {
	// dir is the folder in the module, "mailer/eml".
	dir string
	// files are without the tests; imports and testImports are import paths, sorted.
	files                []*ast.File
	imports, testImports []string
}

// readModule parses every package of the module at the root of fsys, less nested
// modules, test data and folders that the go command ignores.
func readModule(fsys fs.FS, fset *token.FileSet) ([]*source, error) {
	var all []*source
	err := fs.WalkDir(fsys, ".", func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		if dir != "." && isIgnored(fsys, dir) {
			return fs.SkipDir
		}
		s, err := readPackage(fsys, fset, dir)
		if err == nil && s != nil {
			all = append(all, s)
		}
		return err
	})
	return all, err
}

func isIgnored(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if base == "testdata" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(dir, "go.mod"))
	return err == nil
}

func readPackage(fsys fs.FS, fset *token.FileSet, dir string) (*source, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		return nil, err
	}
	s := &source{dir: dir}
	for _, name := range names {
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(fset, name, content, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.add(file, strings.HasSuffix(name, "_test.go"))
	}
	return s, nil
}

func (s *source) add(file *ast.File, isTest bool) {
	imports := &s.imports
	if isTest {
		imports = &s.testImports
	} else {
		s.files = append(s.files, file)
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err == nil && !slices.Contains(*imports, imported) {
			*imports = append(*imports, imported)
		}
	}
	slices.Sort(*imports)
}
