package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// A layer is a kind of package; imports point from later ones to earlier ones.
type layer string

const (
	leaf     layer = "leaf"     // internal/redact ...: knows nothing of the module
	contract layer = "contract" // mailer
	feature  layer = "feature"  // mailer/eml ...
	wire     layer = "wire"     // internal/smtpwire, internal/httpapi, internal/ledger
	adapter  layer = "adapter"  // providers/smtp ...
	facade   layer = "facade"   // providers
	example  layer = "example"  // examples/quickstart ...
	support  layer = "support"  // mailer/mailertest, providers/sendgrid/sendgridtest ...: for tests of users
	rig      layer = "rig"      // internal/smtpfake ...: for tests and examples of ours
)

// mayImport lists for each layer those that it may import.
var mayImport = map[layer][]layer{
	leaf:     {leaf},
	contract: {leaf},
	feature:  {leaf, contract, feature, wire},
	wire:     {leaf, contract, feature, wire},
	adapter:  {leaf, contract, feature, wire, adapter},
	facade:   {leaf, contract, feature, wire, adapter, facade},
	support:  {leaf, contract, feature, wire, support, rig},
	rig:      {leaf, contract, feature, wire, support, rig},
	example:  {leaf, contract, feature, wire, adapter, facade, support, rig, example},
}

// layerOf returns the layer of a folder of the module, or "" where none may be.
func layerOf(dir string) layer {
	first, rest, nested := strings.Cut(dir, "/")
	second, _, _ := strings.Cut(rest, "/")
	switch {
	case first == "mailer" && !nested:
		return contract
	case dir == "mailer/mailertest", dir == "mailer/sendertest":
		return support
	case first == "mailer":
		return feature
	case first == "providers" && !nested:
		return facade
	case first == "providers" && strings.HasSuffix(rest, "/"+second+"test"):
		return support
	case first == "providers":
		return adapter
	case first == "examples":
		return example
	case first == "internal" && slices.Contains([]string{"smtpwire", "httpapi", "apimail", "ledger"}, second):
		return wire
	case first == "internal" && isRig(second):
		return rig
	case first == "internal" && nested:
		return leaf
	}
	return ""
}

func isRig(name string) bool {
	return strings.HasSuffix(name, "fake") || slices.Contains([]string{"archtest", "faultconn", "faultrig", "realmail", "simmail", "testcert"}, name)
}

// checkLayers applies mayImport and what it cannot say. Tests may import what they
// like of the module: the go command forbids cycles.
func checkLayers(all []*source) []string {
	var violations []string
	for _, s := range all {
		if layerOf(s.dir) == "" {
			violations = append(violations, fmt.Sprintf("%s: no package may be here", s.dir))
			continue
		}
		for _, imported := range s.imports {
			target, ok := strings.CutPrefix(imported, modulePath+"/")
			if ok && !isAllowed(s.dir, target) {
				violations = append(violations, fmt.Sprintf("%s (%s) imports %s (%s)", s.dir, layerOf(s.dir), target, layerOf(target)))
			}
		}
	}
	return violations
}

func isAllowed(from, to string) bool {
	source, target := layerOf(from), layerOf(to)
	switch {
	case !slices.Contains(mayImport[source], target):
		return false
	case source == adapter && target == adapter:
		return adapterName(from) == adapterName(to)
	case source == adapter && to == "mailer/router":
		return false
	}
	return true
}

// adapterName returns "smtp" of providers/smtp and of what is below it.
func adapterName(dir string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(dir, "providers/"), "/")
	return name
}

// checkClosures makes sure that a program that imports one adapter compiles nothing
// of another one, on whatever way.
func checkClosures(all []*source) []string {
	byDir := make(map[string]*source, len(all))
	for _, s := range all {
		byDir[s.dir] = s
	}
	var violations []string
	for _, s := range all {
		if layerOf(s.dir) != adapter {
			continue
		}
		for dir := range closure(byDir, s.dir) {
			foreign := layerOf(dir) == adapter && adapterName(dir) != adapterName(s.dir)
			if foreign || layerOf(dir) == facade {
				violations = append(violations, fmt.Sprintf("%s comes with %s", s.dir, dir))
			}
		}
	}
	slices.Sort(violations)
	return violations
}

func closure(byDir map[string]*source, dir string) map[string]bool {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(dir string) {
		if seen[dir] || byDir[dir] == nil {
			return
		}
		seen[dir] = true
		for _, imported := range byDir[dir].imports {
			if target, ok := strings.CutPrefix(imported, modulePath+"/"); ok {
				visit(target)
			}
		}
	}
	visit(dir)
	return seen
}
