package httpapi

import (
	"runtime/debug"
	"strings"
	"sync"
)

const modulePath = "github.com/mailkeel/mailkeel"

// UserAgent returns mailkeel/ and the version of this module that the program was built
// with; "devel" where it was built from a working copy.
var UserAgent = sync.OnceValue(func() string { return "mailkeel/" + version(debug.ReadBuildInfo()) })

func version(info *debug.BuildInfo, ok bool) string {
	if !ok {
		return "devel"
	}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		if m.Path != modulePath {
			continue
		}
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version != "" && m.Version != "(devel)" && isFieldValue(m.Version) {
			return strings.TrimPrefix(m.Version, "v")
		}
	}
	return "devel"
}
