package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/mailkeel/mailkeel/mailer"
)

// output is where the program speaks.
type output struct {
	stdout, stderr io.Writer
	json           bool
	quiet          bool // no lines on standard output
	sysexits       bool
}

// note prints one line, whatever text holds.
func (o *output) note(text string) {
	_, _ = fmt.Fprintf(o.stderr, "send: %s\n", strings.Map(printable, text))
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '\uFFFD'
}

// report prints a and returns the exit status that goes with it.
func (o *output) report(a *account) int {
	write := a.writeLines
	switch {
	case o.json:
		write = a.writeJSON
	case o.quiet:
		write = func(io.Writer) error { return nil }
	}
	if err := write(o.stdout); err != nil {
		o.note(err.Error()) // the verdict stands
	}
	if a.Error != "" {
		o.note(a.Error)
	}
	if len(a.Degraded) > 0 {
		o.note("left out, in whole or in part, for the provider has no place for it: " + strings.Join(a.Degraded, ", "))
	}
	switch {
	case a.MessageID == "":
	case a.Outcome == mailer.Unknown:
		o.note("before it is sent again, ask " + a.undecided() + " about Message-ID " + a.MessageID)
	case a.doubled():
		o.note("there may be a second copy: ask " + a.undecided() + " about Message-ID " + a.MessageID)
	}
	return o.status(a)
}

// status returns the exit status that goes with a.
func (o *output) status(a *account) int {
	if o.sysexits {
		return a.sysexit()
	}
	return a.exitCode()
}

func (o *output) usageError(err error) int {
	o.report(nothingSent(err))
	if o.sysexits {
		return sysexitUsage
	}
	return exitUsage
}

func (a *account) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(a)
}

// writeLines prints one line for each attempt and each recipient: who, outcome, scope,
// reply code, and what there is to say besides.
func (a *account) writeLines(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	r := a.receipt
	for i := range r.Attempts {
		t := &r.Attempts[i]
		writeRow(table, "attempt", routeName(t.Route, t.Provider), t.Outcome, t.Scope, codes(t.Code, t.EnhancedCode), attemptNote(t, len(r.Attempts) > 1))
	}
	for i := range r.Recipients {
		t := &r.Recipients[i]
		writeRow(table, "recipient", t.Address, t.Outcome, t.Scope, codes(t.Code, t.EnhancedCode), recipientNote(t, a.isShared()))
	}
	return table.Flush()
}

// writeRow leaves errors to Flush, which repeats them.
func writeRow(w io.Writer, kind, who string, outcome mailer.Outcome, scope mailer.Scope, code, note string) {
	whose := scope.String()
	if scope == mailer.ScopeUnknown {
		whose = "-"
	}
	row := strings.Join([]string{kind, who, outcome.String(), whose, code, note}, "\t")
	_, _ = io.WriteString(w, strings.TrimRight(row, "\t")+"\n")
}

// attemptNote tells why an attempt failed where there are several; the reason of a single one
// is the error itself.
func attemptNote(t *mailer.Attempt, several bool) string {
	if t.Skipped != "" {
		return "skipped: " + t.Skipped
	}
	note := t.Decision + " after " + t.Duration.Round(100*time.Microsecond).String()
	if several && t.Detail != "" {
		note += ": " + t.Detail
	}
	return note
}

// recipientNote names the route where it is not the same for all.
func recipientNote(r *mailer.RecipientResult, shared bool) string {
	note := r.ProviderMessageID + r.Detail
	if shared && r.Route != "" {
		note = strings.TrimSpace(note + " (" + r.Route + ")")
	}
	return note
}

func codes(code int, enhanced string) string {
	if code == 0 {
		return "-"
	}
	return strings.TrimSpace(strconv.Itoa(code) + " " + enhanced)
}
