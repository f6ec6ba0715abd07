package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// printReceipt shows what was tried, and what became of the message for each recipient.
func printReceipt(w io.Writer, r *mailer.Receipt) {
	if len(r.Recipients) != 1 { // else it is that recipient's
		_, _ = fmt.Fprintf(w, "   outcome    %s\n", r.Outcome)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, a := range r.Attempts {
		route, note := a.Route+" ("+a.Provider+")", a.Decision+" after "+a.Duration.Round(100*time.Microsecond).String()
		if a.Skipped != "" {
			printRow(table, "attempt", route, "none", "-", a.Skipped)
			continue
		}
		if a.Outcome == mailer.Accepted && a.Code == 0 { // nothing was sent: the provider was asked
			note = a.Detail
		}
		printRow(table, "attempt", route, a.Outcome.String(), why(a.Scope, a.Code, a.EnhancedCode), note)
	}
	for _, t := range r.Recipients {
		printRow(table, "recipient", t.Address, t.Outcome.String(), why(t.Scope, t.Code, t.EnhancedCode), t.ProviderMessageID+t.Detail)
	}
	_ = table.Flush()
}

func printRow(w io.Writer, cells ...string) {
	_, _ = fmt.Fprintf(w, "   %s\n", strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

// why joins whose fault a failure was with what the server said in numbers.
func why(scope mailer.Scope, code int, enhanced string) string {
	var words []string
	if scope != mailer.ScopeUnknown {
		words = append(words, scope.String())
	}
	if code != 0 {
		words = append(words, strings.TrimSpace(fmt.Sprint(code, " ", enhanced)))
	}
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, " ")
}
