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

// An account is what -json prints: a documented form of its own, which does not change
// when mailer.Receipt grows.
type account struct {
	Outcome           mailer.Outcome     `json:"outcome"`
	Provider          string             `json:"provider"`
	Route             string             `json:"route"`
	ProviderMessageID string             `json:"provider_message_id"`
	MessageID         string             `json:"message_id"`
	Recipients        []recipientAccount `json:"recipients"`
	Attempts          []attemptAccount   `json:"attempts"`
	Degraded          []string           `json:"degraded"`
	Error             string             `json:"error"`

	receipt *mailer.Receipt
}

type recipientAccount struct {
	Address string         `json:"address"`
	Outcome mailer.Outcome `json:"outcome"`
	Scope   mailer.Scope   `json:"scope"`
	Code    int            `json:"code"`
}

type attemptAccount struct {
	Route      string         `json:"route"`
	Provider   string         `json:"provider"`
	Outcome    mailer.Outcome `json:"outcome"`
	Scope      mailer.Scope   `json:"scope"`
	Code       int            `json:"code"`
	Decision   string         `json:"decision"`
	DurationMS int64          `json:"duration_ms"`
}

// newAccount takes what Send returned. An error that is no *SendError counts as unknown.
func newAccount(r *mailer.Receipt, err error) *account {
	a := &account{Outcome: mailer.Accepted}
	if err != nil {
		failure := mailer.AsSendError(err)
		r, a.Outcome, a.Error = failure.Receipt, failure.Outcome, err.Error()
	}
	a.receipt = r
	a.Provider, a.Route = r.Provider, r.Route
	a.ProviderMessageID, a.MessageID = r.ProviderMessageID, r.MessageID
	a.Recipients = make([]recipientAccount, len(r.Recipients))
	for i, result := range r.Recipients {
		a.Recipients[i] = recipientAccount{result.Address, result.Outcome, result.Scope, result.Code}
	}
	a.Attempts = make([]attemptAccount, len(r.Attempts))
	for i, t := range r.Attempts {
		a.Attempts[i] = attemptAccount{t.Route, t.Provider, t.Outcome, t.Scope, t.Code, t.Decision, t.Duration.Milliseconds()}
	}
	a.Degraded = append([]string{}, r.Degraded...)
	return a
}

// nothingSent accounts for a failure before Send was called.
func nothingSent(err error) *account {
	return newAccount(nil, &mailer.SendError{
		Receipt: new(mailer.Receipt), Outcome: mailer.NotAccepted, Scope: mailer.ScopeCaller, Err: err,
	})
}

func (a *account) exitCode() int {
	switch a.Outcome {
	case mailer.Accepted:
		return exitAccepted
	case mailer.PartlyAccepted:
		return exitPartly
	case mailer.NotAccepted:
		return exitNotAccepted
	}
	return exitUnknown
}

// output is where the program speaks.
type output struct {
	stdout, stderr io.Writer
	json           bool
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
	if o.json {
		write = a.writeJSON
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
	if a.Outcome == mailer.Unknown && a.MessageID != "" {
		o.note("before it is sent again, ask the provider about Message-ID " + a.MessageID)
	}
	return a.exitCode()
}

func (o *output) usageError(err error) int {
	o.report(nothingSent(err))
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
	for i := range a.receipt.Attempts {
		t := &a.receipt.Attempts[i]
		writeRow(table, "attempt", t.Route+" ("+t.Provider+")", t.Outcome, t.Scope, codes(t.Code, t.EnhancedCode), attemptNote(t))
	}
	for i := range a.receipt.Recipients {
		r := &a.receipt.Recipients[i]
		writeRow(table, "recipient", r.Address, r.Outcome, r.Scope, codes(r.Code, r.EnhancedCode), r.ProviderMessageID+r.Detail)
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

func attemptNote(t *mailer.Attempt) string {
	if t.Skipped != "" {
		return "skipped: " + t.Skipped
	}
	return t.Decision + " after " + t.Duration.Round(100*time.Microsecond).String()
}

func codes(code int, enhanced string) string {
	if code == 0 {
		return "-"
	}
	return strings.TrimSpace(strconv.Itoa(code) + " " + enhanced)
}
