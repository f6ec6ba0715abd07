package main

import (
	"errors"
	"flag"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers"
)

const defaultTimeout = 30 * time.Second

// options are what the command line and the environment ask for.
type options struct {
	url      string
	timeout  time.Duration
	json     bool
	msg      mailer.Message // all but what is read later
	htmlFile string
	rawFile  string
	sysexits bool
	sendmail sendmail
	// localFrom and localTo are MAILER_FROM and MAILER_TO: who sends, and who gets, the mail of
	// this machine's users, in the manner of sendmail.
	localFrom, localTo string
}

// parse never returns nil: after an error, json still says how to report it. Its
// errors show no connection string.
func parse(args []string, getenv func(string) string) (*options, error) {
	o := new(options)
	flags := o.flagSet()
	flags.SetOutput(io.Discard)
	rest, err := o.sendmail.split(args, flags)
	if err == nil {
		err = flags.Parse(rest)
	}
	if err == nil {
		err = o.check(flags)
	}
	if err != nil { // -json and -sysexits may stand behind what is wrong
		o.json = o.json || slices.Contains(args, "-json") || slices.Contains(args, "--json")
		o.sysexits = o.sysexits || slices.Contains(args, "-sysexits") || slices.Contains(args, "--sysexits")
	}
	if err != nil && strings.Contains(err.Error(), "://") {
		err = errors.New("a connection string stands where none belongs: it is given once, by -url or MAILER_URL")
	}
	if o.url == "" {
		o.url = getenv("MAILER_URL")
	}
	if o.sendmail.on {
		o.localFrom, o.localTo = getenv("MAILER_FROM"), getenv("MAILER_TO")
	}
	return o, err
}

func (o *options) check(flags *flag.FlagSet) error {
	switch {
	case flags.NArg() > 0: // not shown, for it may be a connection string
		return errors.New("an argument belongs to no flag; values with spaces need quotes")
	case o.timeout <= 0:
		return errors.New("-timeout is not positive")
	case o.rawFile != "" || o.sendmail.on: // the rest may be in the header
	case o.msg.From.Address == "":
		return errors.New("-from is missing")
	case !o.hasRecipients():
		return errors.New("-to, -cc and -bcc are missing")
	}
	return nil
}

func (o *options) flagSet() *flag.FlagSet {
	f := flag.NewFlagSet("send", flag.ContinueOnError)
	m := &o.msg
	f.Func("from", "`ADDRESS` of the author: a@example.com or 'Ann <a@example.com>'", author(&m.From))
	f.Func("to", "`ADDRESS` of a recipient; repeatable", addresses(&m.To))
	f.Func("cc", "`ADDRESS` to send a copy to; repeatable", addresses(&m.Cc))
	f.Func("bcc", "`ADDRESS` to send a blind copy to; repeatable", addresses(&m.Bcc))
	f.Func("reply-to", "`ADDRESS` for answers; repeatable", addresses(&m.ReplyTo))
	f.Func("subject", "`TEXT` of the subject", once(&m.Subject))
	f.Func("header", "further header field, `'NAME: VALUE'`; repeatable", header(&m.Headers))
	f.Func("attach", "`FILE` to attach; repeatable", attach(&m.Attachments))
	f.Func("inline", "`CID=FILE` that HTML shows as src=\"cid:CID\"; repeatable", inline(&m.Attachments))
	f.Func("html", "`FILE` with the HTML body", file(&o.htmlFile))
	f.Func("tag", "`TAG` for the provider's statistics; repeatable", appendTo(&m.Tags))
	f.Func("meta", "`KEY=VALUE` that comes back in the provider's events; repeatable", metadata(&m.Metadata))
	f.Func("idempotency-key", "`KEY` that names the message however often it is sent; empty: made of its Message-ID", once(&m.IdempotencyKey))
	f.Func("raw", "`FILE` with a whole RFC 5322 message; -from and the recipients are its envelope, or else those of its header", file(&o.rawFile))
	f.DurationVar(&o.timeout, "timeout", defaultTimeout, "limit for the whole send")
	f.BoolVar(&o.json, "json", false, "print one JSON object instead of lines")
	f.BoolVar(&o.sendmail.on, "sendmail", false, "behave as sendmail does, without its options too; so does a program of that name")
	f.BoolVar(&o.sysexits, "sysexits", false, "end with sendmail's exit status: 75 not accepted for now, 69 not accepted, 64 wrong usage, 70 unknown or partly accepted")
	f.Func("url", "connection `STRING`; better in MAILER_URL, where other users of this machine do not see it", once(&o.url))
	return f
}

const compositeForms = `
several of them, A and B being such strings:
  failover(A B)                          B where A cannot take the message
  failover(A B)?delivery=at-least-once   also where A may have taken it: two copies rather than none
  roundrobin(A B)                        beginning with each in turn; one message makes no difference
  weighted(3*A B)                        beginning with A three times of four
`

const sendmailForms = `
in the manner of sendmail, the whole message on standard input:
  send -t <message.eml                   recipients from To, Cc and Bcc, and those that follow
  send -i -f a@example.com -- b@example.org <message.eml
options: -t, -i or -oi (a line with a lone dot is not the end), -f or -r ADDRESS, -F NAME, -v (prints what became
of the message); accepted without effect: -o.., -B.., -N.., -R.., -V.., -L.., -X.., -O.., -C.., -p.., -A.., -bm, -G,
-U, -m, -n. From, Date and Message-ID are added where they are missing, and To where there is one recipient.
MAILER_FROM is who sends where nobody else with a domain does, MAILER_TO who gets what is for a name without a
domain; who sends and who gets it take the place of such names in the header. X-Cron-Env fields are removed.
`

func printUsage(w io.Writer) {
	_, _ = io.WriteString(w, "usage: send -from ADDRESS -to ADDRESS [flags] <text\n\n")
	flags := new(options).flagSet()
	flags.SetOutput(w)
	flags.PrintDefaults()
	_, _ = io.WriteString(w, "\nforms of a connection string:\n")
	for _, schemes := range providers.Mux() {
		for i := range schemes {
			_, _ = io.WriteString(w, "  "+schemes[i].Form+"\n")
		}
	}
	_, _ = io.WriteString(w, compositeForms)
	_, _ = io.WriteString(w, sendmailForms)
	_, _ = io.WriteString(w, "\nexit status: 0 accepted, 1 not accepted, 2 wrong usage, 3 unknown, 4 partly accepted\n")
}
