package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// thirdParty lists every import path outside of the standard library that the module uses or is decided to use,
// or a prefix of several, with the folders that may import it. Their tests,
// and other tests, may import whatever is in the list. A new row needs its reason in
// internal/docs.
var thirdParty = map[string][]string{
	"golang.org/x/net/idna":                            {"mailer", "internal", "providers"},
	"golang.org/x/net/http/httpproxy":                  {"internal/httpapi"},
	"golang.org/x/net/http2":                           {"internal/httpapi"},
	"golang.org/x/net/proxy":                           {"internal/httpapi"},
	"golang.org/x/text/encoding":                       {"mailer/eml/internal/charset"},
	"github.com/segmentio/asm/base64":                  {"mailer/eml", "internal/httpapi"},
	"github.com/wneessen/go-mail":                      {"providers/smtp"},
	"github.com/sendgrid/sendgrid-go":                  {"providers/sendgrid"},
	"github.com/mailgun/mailgun-go/v4":                 {"providers/mailgun"},
	"github.com/Azure/azure-sdk-for-go/sdk/azcore":     {"providers", "examples"},
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity": {"providers", "examples"},
	"github.com/cenkalti/backoff/v4":                   {"mailer/router"},
}

// standardLimits keeps two packages of the standard library in their place: net/smtp
// is what the drop-in replaces, and nothing that is sent goes through it but what shows why.
var standardLimits = map[string][]string{
	"net/smtp": {"mailer/netsmtp", "examples/netsmtp/before"},
	"testing":  {"mailer/mailertest", "mailer/sendertest", "internal", "providers/sendgrid/sendgridtest", "providers/mailgun/mailguntest"},
}

// contractAvoids is what package mailer, which opens no connection, has no use for.
var contractAvoids = []string{"net", "net/http", "net/smtp", "net/textproto", "crypto/tls", "os/exec", "syscall", "unsafe"}

func checkThirdParty(all []*source) []string {
	var violations []string
	add := func(s *source, format string, args ...any) {
		violations = append(violations, s.dir+" "+fmt.Sprintf(format, args...))
	}
	for _, s := range all {
		for _, imported := range s.imports {
			row, folders := findThirdParty(imported)
			switch {
			case isStandard(imported):
				if folders, limited := standardLimits[imported]; limited && !isBelow(s.dir, folders) {
					add(s, "imports %s, which only %v may", imported, folders)
				}
			case row == "":
				add(s, "imports %s, which is not in the list", imported)
			case !isBelow(s.dir, folders):
				add(s, "imports %s, which only %v may", imported, folders)
			}
		}
		for _, imported := range s.testImports {
			if row, _ := findThirdParty(imported); row == "" && !isStandard(imported) {
				add(s, "imports %s in a test, which is not in the list", imported)
			}
		}
	}
	return violations
}

// findThirdParty returns the longest row that imported is in; the module itself is its own row.
func findThirdParty(imported string) (row string, folders []string) {
	if isWithin(imported, modulePath) {
		return modulePath, []string{"."}
	}
	for prefix := range thirdParty {
		if isWithin(imported, prefix) && len(prefix) > len(row) {
			row = prefix
		}
	}
	return row, thirdParty[row]
}

// isStandard reports whether the path is of the standard library: its first element has no dot.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func isBelow(dir string, folders []string) bool {
	for _, folder := range folders {
		if folder == "." || isWithin(dir, folder) {
			return true
		}
	}
	return false
}

func isWithin(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// checkContract keeps package mailer to the standard library less contractAvoids, to
// idna, and to leaves.
func checkContract(all []*source) []string {
	var violations []string
	for _, s := range all {
		if layerOf(s.dir) != contract {
			continue
		}
		for _, imported := range s.imports {
			known := isStandard(imported) || isWithin(imported, modulePath) || imported == "golang.org/x/net/idna"
			if !known || slices.Contains(contractAvoids, imported) {
				violations = append(violations, fmt.Sprintf("%s imports %s", s.dir, imported))
			}
		}
	}
	return violations
}
