// Package archtest holds the rules of the repository's layout, and its test applies
// them to the repository: which package may import which, which module is used
// where, what state a package may have, and what may stand at the top level.
//
// The rules look at source files, not at one build, so that a file for another system obeys
// them too. They return sentences, one for each violation.
package archtest

const modulePath = "github.com/mailkeel/mailkeel"
