// Send sends one message through the provider that MAILER_URL names, and says what
// became of it.
//
//	export MAILER_URL='smtp://user:pass@smtp.example.com:587'
//	echo 'It works.' | send -from a@example.com -to 'Bob <b@example.com>' -subject Test
//
// The same goes through an API with sendgrid://KEY@default or
// mailgun://KEY@default?domain=mg.example.com, and through the second provider where the first
// one cannot take it with failover(A B), A and B being such strings; send -h lists the forms.
//
// The text is read from standard input. One line is printed for each attempt, also for those
// that failed before another provider took the message, and one for each recipient, or with
// -json one object; everything else goes to standard error. The exit status is the verdict in
// the end: 0 accepted, 1 not accepted, 2 wrong usage and nothing sent, 3 unknown (a provider may
// have the message), 4 partly accepted.
//
// Called as sendmail is, it takes a whole message on standard input, so that cron, PHP and scripts can
// use it as theirs; it then prints nothing but errors and what the provider had to leave out:
//
//	send -t <message.eml
//	send -i -f a@example.com -- b@example.org <message.eml
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers"
)

// The exit status, unless -sysexits asks for that of sendmail. Zero means accepted and
// nothing else, so -h does not end with it.
const (
	exitAccepted    = 0
	exitNotAccepted = 1
	exitUsage       = 2
	exitUnknown     = 3
	exitPartly      = 4
)

// The exit status of sendmail (sysexits.h). Who is told 75 tries again, so what may have been
// accepted is never told so.
const (
	sysexitUsage       = 64
	sysexitUnavailable = 69
	sysexitUndecided   = 70
	sysexitTemporary   = 75
)

// closeTimeout limits the goodbye to the server, when the verdict has been printed.
const closeTimeout = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, arguments(os.Args), os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}

// arguments returns those of the program, which behaves as sendmail where that is its name.
func arguments(args []string) []string {
	if name := filepath.Base(args[0]); name == "sendmail" || name == "sendmail.exe" {
		return append([]string{"-sendmail"}, args[1:]...)
	}
	return args[1:]
}

// run is the program. When ctx ends, the send under way is given up, and its verdict
// is reported like any other.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	opts, err := parse(args, getenv)
	out := &output{stdout: stdout, stderr: stderr, json: opts.json, quiet: opts.sendmail.on && !opts.sendmail.verbose, sysexits: opts.sysexits}
	switch {
	case errors.Is(err, flag.ErrHelp):
		printUsage(stderr)
		return exitUsage
	case err != nil:
		return out.usageError(fmt.Errorf("%w (-h lists the flags)", err))
	}
	sender, err := providers.Open(ctx, opts.url)
	if err != nil {
		return out.usageError(err)
	}
	defer closeSender(ctx, sender)
	msg, err := opts.message(ctx, stdin, out)
	if err != nil {
		return out.report(nothingSent(err))
	}
	ctx, cancel := context.WithTimeout(ctx, opts.timeout)
	defer cancel()
	return out.report(newAccount(sender.Send(ctx, msg)))
}

// closeSender also says goodbye after ctx has ended.
func closeSender(ctx context.Context, sender mailer.Closer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = sender.Close(ctx) // the verdict stands
}
