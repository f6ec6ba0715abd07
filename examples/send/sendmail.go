package main

import (
	"errors"
	"flag"
	"slices"
	"strings"
)

// sendmail is what the program was asked for in the manner of sendmail, which cron, PHP, mailx
// and scripts call: options that may be joined with their values or with each other,
// recipients as arguments, and a whole message on standard input.
type sendmail struct {
	on         bool
	named      bool   // the program's name is sendmail, or -sendmail says so
	fromHeader bool   // -t: recipients are in the header
	verbose    bool   // -v
	ignoreDots bool   // -i: a line with a lone dot is not the end
	from       string // -f, -r; "<>" is the null return path
	name       string // -F
	recipients []string
}

var (
	errOneDaemon = errors.New("there is no daemon, queue or alias file here: of -b only -bm is known, and not -q, -I")
	errNoValue   = errors.New("an option at the end has no value")
)

// split takes the options of sendmail out of args. What it leaves is flags' to parse: those
// of its own, and what nobody knows.
func (s *sendmail) split(args []string, flags *flag.FlagSet) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		if arg == "--" || arg == "-" || !strings.HasPrefix(arg, "-") {
			break
		}
		n, known := ownFlag(arg, flags), false
		if n == 0 {
			if n, known, err = s.option(arg, args[1:]); err != nil {
				return nil, err
			}
		}
		n = min(n, len(args))
		s.named = s.named || arg == "-sendmail" || arg == "--sendmail"
		if s.on = s.on || s.named || known; !known {
			rest = append(rest, args[:n]...)
		}
		args = args[n:]
	}
	if !s.on {
		return append(rest, args...), nil
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	s.recipients = args
	return rest, nil
}

// ownFlag returns how many arguments a flag of flags takes; zero when arg is none.
func ownFlag(arg string, flags *flag.FlagSet) int {
	name, _, joined := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	f := flags.Lookup(name)
	if f == nil {
		return 0
	}
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); joined || ok && b.IsBoolFlag() {
		return 1
	}
	return 2
}

// option takes one option of sendmail and returns how many arguments that are. What looks like
// a misspelt flag of ours is none.
func (s *sendmail) option(arg string, next []string) (n int, known bool, err error) {
	letter, value := arg[1:2], arg[2:]
	switch {
	case letter == "b" && value != "m" && value != "", letter == "q", arg == "-I":
		return 1, false, checkOther(arg)
	case arg == "-bm":
		return 1, true, nil
	case strings.Trim(arg[1:], switches) == "":
		s.fromHeader = s.fromHeader || strings.Contains(arg, "t")
		s.ignoreDots = s.ignoreDots || strings.Contains(arg, "i")
		s.verbose = s.verbose || strings.Contains(arg, "v")
		return 1, true, nil
	case !strings.Contains(withValue, letter) || !s.fits(letter, value):
		return 1, false, nil
	case value != "":
		s.set(letter, value)
		return 1, true, nil
	case len(next) == 0:
		return 1, true, errNoValue
	}
	s.set(letter, next[0])
	return 2, true, nil
}

// The options without a value, of which only t, i and v have an effect, and those with one, of
// which only f, r, F and o have.
const (
	switches  = "tivnUGm"
	withValue = "frFBoNRVLXOCpA"
)

// checkOther tells the other programs that sendmail can be from flags that do not exist.
func checkOther(arg string) error {
	if arg == "-I" || len(arg) == 3 && slices.Contains([]string{"-ba", "-bd", "-bD", "-bh", "-bH", "-bi", "-bl", "-bp", "-bs", "-bt", "-bv"}, arg) || strings.HasPrefix(arg, "-q") {
		return errOneDaemon
	}
	return nil
}

// fits reports whether a value that is joined to its option can be one. A misspelt flag of ours would
// make a recipient of its value, so that only a program that goes by the name of sendmail takes anything.
func (s *sendmail) fits(letter, value string) bool {
	switch {
	case value == "" || s.named:
		return true
	case letter == "f" || letter == "r":
		return strings.Contains(value, "@") || value == "<>"
	case letter == "B":
		return strings.EqualFold(value, "8BITMIME") || strings.EqualFold(value, "7BIT")
	case letter == "o" && len(value) == 2:
		return value[0] == 'e' || value[0] == 'd'
	case letter == "o" || letter == "A":
		return len(value) == 1 || !isLower(value[0])
	}
	return !isLower(value[0])
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func (s *sendmail) set(letter, value string) {
	switch letter {
	case "f", "r":
		s.from = value
	case "F":
		s.name = value
	case "o":
		s.ignoreDots = s.ignoreDots || value == "i"
	}
}
