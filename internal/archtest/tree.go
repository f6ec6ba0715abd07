package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// topLevel is what may stand at the top of the repository beside dot-files.
var topLevel = []string{"CHANGELOG.md", "LICENSE", "README.md", "examples", "go.mod", "go.sum", "internal", "mailer", "providers"}

// checkTopLevel refuses what is not in topLevel and not ignored by .gitignore.
func checkTopLevel(fsys fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	ignored, err := ignorePatterns(fsys)
	if err != nil {
		return nil, err
	}
	var violations []string
	for _, entry := range entries {
		name := entry.Name()
		if name[0] != '.' && !slices.Contains(topLevel, name) && !matchesAny(ignored, name) {
			violations = append(violations, name+": not an entry of the top level")
		}
	}
	return violations, nil
}

// ignorePatterns returns the lines of .gitignore, which has names and no paths.
func ignorePatterns(fsys fs.FS) ([]string, error) {
	content, err := fs.ReadFile(fsys, ".gitignore")
	if err != nil {
		return nil, err
	}
	var patterns []string
	for line := range strings.Lines(string(content)) {
		if line = strings.Trim(line, "/ \r\n"); line != "" && line[0] != '#' {
			patterns = append(patterns, line)
		}
	}
	return patterns, nil
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, err := path.Match(pattern, name)
		return matched && err == nil
	})
}

// foreignHosts are hosts that modules and packages come from. They and foreignPaths are
// written in two halves so that this file does not mention them.
var foreignHosts = []string{
	"proxy.golang" + ".org", "sum.golang" + ".org", "index.golang" + ".org", "goproxy" + ".io", "goproxy" + ".cn",
	"registry.npmjs" + ".org", "pypi" + ".org", "static.crates" + ".io", "deb.debian" + ".org",
}

// foreignPaths are absolute paths of work and home folders on somebody's machine.
var foreignPaths = []string{"/wor" + "k/", "/roo" + "t/", "/User" + "s/"}

// maxText is the size up to which a file is searched: fixtures that are larger are not
// written by hand.
const maxText = 1 << 20

// checkMentions searches every file that is not ignored.
func checkMentions(fsys fs.FS) ([]string, error) {
	ignored, err := ignorePatterns(fsys)
	if err != nil {
		return nil, err
	}
	var violations []string
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case entry.IsDir() && (name == ".git" || matchesAny(ignored, entry.Name())):
			return fs.SkipDir
		case !entry.Type().IsRegular() || matchesAny(ignored, entry.Name()):
			return nil
		}
		found, err := mentions(fsys, name)
		violations = append(violations, found...)
		return err
	})
	return violations, err
}

func mentions(fsys fs.FS, name string) ([]string, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil || info.Size() > maxText {
		return nil, err
	}
	content, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	var found []string
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		if what := mentioned(line); what != "" {
			found = append(found, fmt.Sprintf("%s:%d: mentions %s", name, number, what))
		}
	}
	return found, nil
}

// mentioned returns what in line is foreign, or "".
func mentioned(line string) string {
	for _, host := range foreignHosts {
		if strings.Contains(line, host) {
			return host
		}
	}
	for _, path := range foreignPaths {
		if at := strings.Index(line, path); at == 0 || at > 0 && strings.IndexByte(" \t\"'`(=:<", line[at-1]) >= 0 {
			return path
		}
	}
	return ""
}
