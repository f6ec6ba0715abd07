package main

import (
	"bytes"
	"errors"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/mailer"
)

const letter = "From: Ann <ann@example.com>\nTo: Bob <bob@example.net>,\n cid@example.net\nCc: dan@example.net\nBcc: eve@example.net\nSubject: Hi\nDate: Mon, 2 Jan 2006 15:04:05 +0000\nMessage-ID: <m@example.com>\n\nHello\n..\nBye\n"

// asSendmail runs the built program, with who sends and gets the mail of local users.
func asSendmail(t *testing.T, program, url, text string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "MAILER_URL="+url, "MAILER_FROM=cron@example.com", "MAILER_TO=ops@example.net")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	r.checkSecrets(t)
	return r
}

// TestSendmail: as it is called by those who call it.
func TestSendmail(t *testing.T) {
	t.Parallel()
	everybody := []string{"bob@example.net", "cid@example.net", "dan@example.net", "eve@example.net"}
	for _, c := range []struct {
		name, args string
		text       string // letter when empty
		from       string // ann@example.com when empty
		to         []string
	}{
		{name: "a script", args: "-t", to: everybody},
		{name: "PHP", args: "-t -i", to: everybody},
		{name: "PHP, sender joined", args: "-t -i -fbounces@example.com", from: "bounces@example.com", to: everybody},
		{name: "PHP, switches joined", args: "-ti", to: everybody},
		{name: "mailx", args: "-i -f ann@example.org -- fred@example.net gus@example.net", from: "ann@example.org", to: []string{"fred@example.net", "gus@example.net"}},
		{name: "s-nail", args: "-i -r ann@example.org fred@example.net", from: "ann@example.org", to: []string{"fred@example.net"}},
		{name: "mutt", args: "-oem -oi -f ann@example.org -- fred@example.net", from: "ann@example.org", to: []string{"fred@example.net"}},
		{name: "git", args: "-f ann@example.org -i fred@example.net", from: "ann@example.org", to: []string{"fred@example.net"}},
		{name: "cron of Debian", args: "-i -FCronDaemon -B8BITMIME -oem root", from: "cron@example.com", text: "From: root (Cron Daemon)\nTo: root\nSubject: Cron\n\nout\n", to: []string{"ops@example.net"}},
		{name: "cronie", args: "-FCronDaemon -i -odi -oem -oi -t -f root", from: "cron@example.com", text: "From: \"(Cron Daemon)\" <root>\nTo: root\nSubject: Cron\n\nout\n", to: []string{"ops@example.net"}},
		{
			name: "mailx of another charset", args: "-t", from: "ann@example.org",
			text: "From: =?koi8-r?B?4c7O?= <ann@example.org>\nTo: Acme [Support] <fred@example.net>, gus@example.net <gus@example.net>\nSubject: x\n\ny\n",
			to:   []string{"fred@example.net", "gus@example.net"},
		},
		{name: "header and arguments", args: "-t fred@example.net", to: append([]string{"fred@example.net"}, everybody...)},
		{name: "with flags of our own", args: "-t -timeout 20s -url=URL", to: everybody},
		{name: "what has no effect", args: "-bm -n -v -U -G -N never -R hdrs -V id -L tag -X /log -O A=b -C /cf -p ESMTP -Am -o7 -oQ/q -t", to: everybody},
		{name: "null return path", args: "-f <> -t", from: "<>", to: everybody},
		{name: "out of a mailbox", args: "-t", text: "From ann@example.com Mon Jan  2 15:04:05 2006\n" + letter, to: everybody},
		{name: "sent again", args: "-t", text: "Resent-To: fred@example.net\nResent-Cc: gus@example.net\n" + letter, to: []string{"fred@example.net", "gus@example.net"}},
		{name: "CRLF", args: "-t", text: strings.ReplaceAll(letter, "\n", "\r\n"), to: everybody},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := smtpfake.Start(t, secure(smtpfake.Config{}))
			url := urlOf("smtp", server.Addr())
			text, from := c.text, c.from
			if text == "" {
				text = letter
			}
			if from == "" {
				from = "ann@example.com"
			}
			args := strings.Fields(strings.ReplaceAll(c.args, "URL", url))
			got := asSendmail(t, binary, url, text, args...)
			if got.code != exitAccepted || got.stderr != "" || (got.stdout != "") != slices.Contains(args, "-v") {
				t.Fatalf("exit status %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
			}
			m := onlyMessage(t, server)
			sameStrings(t, "recipients", m.Addresses(), c.to...)
			if m.From != strings.Trim(from, "<>") {
				t.Errorf("from %q", m.From)
			}
			if strings.Contains(strings.ToLower(string(m.Data)), "bcc") {
				t.Errorf("Bcc shows: %q", m.Data)
			}
		})
	}
}

// TestSendmailByName: a link called sendmail needs no option to be one.
func TestSendmailByName(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "sendmail"+filepath.Ext(binary))
	if err := os.Link(binary, link); err != nil {
		t.Fatal(err)
	}
	server := smtpfake.Start(t, secure(smtpfake.Config{}))
	if got := asSendmail(t, link, urlOf("smtp", server.Addr()), letter, "-froot", "-Fsystem", "fred@example.net"); got.code != exitAccepted || got.stdout+got.stderr != "" {
		t.Errorf("exit status %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
	m := onlyMessage(t, server)
	sameStrings(t, "recipients", m.Addresses(), "fred@example.net")
}

// TestSendmailContent: nothing is changed of a message but what design decision 10 says, and nothing is
// added to it but what is missing.
func TestSendmailContent(t *testing.T) {
	t.Parallel()
	head := "From: Ann <ann@example.com>\r\nTo: Bob <bob@example.net>,\r\n cid@example.net\r\nCc: dan@example.net\r\nSubject: Hi\r\nDate: Mon, 2 Jan 2006 15:04:05 +0000\r\nMessage-ID: <m@example.com>\r\n\r\n"
	const (
		addedID = `Date: [^\r\n]+\r\nMessage-ID: <[^<>\s]+@example\.(?:org|com)>\r\n`
		added   = `From: (?:CronDaemon|"CronDaemon") <ann@example\.org>\r\nTo: <b@example\.net>\r\n` + addedID
	)
	cron := []string{"-t", "root"}
	for _, c := range []struct {
		name, text string
		args       []string
		want       string // a regular expression
	}{
		{"complete", letter, []string{"-t"}, regexp.QuoteMeta(head + "Hello\r\n..\r\nBye\r\n")},
		{"a lone dot ends it", letter + ".\nrest\n", []string{"-t"}, regexp.QuoteMeta(head + "Hello\r\n..\r\nBye\r\n")},
		{"-i", letter + ".\nrest\n", []string{"-t", "-i"}, regexp.QuoteMeta(head + "Hello\r\n..\r\nBye\r\n.\r\nrest\r\n")},
		{"-oi", letter + ".\r\nrest", []string{"-t", "-oi"}, regexp.QuoteMeta(head + "Hello\r\n..\r\nBye\r\n.\r\nrest\r\n")},
		{"fields missing", "Subject: x\n\ny\n", []string{"-FCronDaemon", "-f", "ann@example.org", "b@example.net"}, added + regexp.QuoteMeta("Subject: x\r\n\r\ny\r\n")},
		{"no header", "just text\n", []string{"-FCronDaemon", "-f", "ann@example.org", "b@example.net"}, added + regexp.QuoteMeta("\r\njust text\r\n")},
		{"an empty header", "\njust: text\n", []string{"-FCronDaemon", "-f", "ann@example.org", "b@example.net"}, added + regexp.QuoteMeta("\r\njust: text\r\n")},
		{"progress for a terminal", letter + "1%\r50%\r100%\n\r.\rdone\r", []string{"-t"}, regexp.QuoteMeta(head + "Hello\r\n..\r\nBye\r\n1%\r\n50%\r\n100%\r\n\r\n.\r\ndone\r\n")},
		{"such and no header", "1%\r2%\r\n", []string{"-FCronDaemon", "-f", "ann@example.org", "b@example.net"}, added + regexp.QuoteMeta("\r\n1%\r\n2%\r\n")},
		{"nothing", "", []string{"-FCronDaemon", "-f", "ann@example.org", "b@example.net"}, added + regexp.QuoteMeta("\r\n")},
		{
			"several recipients are not shown", "From: ann@example.com\n\ny\n", []string{"-i", "b@example.net", "c@example.net"},
			addedID + regexp.QuoteMeta("From: ann@example.com\r\n\r\ny\r\n"),
		},
		{"Bcc alone is not shown", "From: ann@example.com\nBcc: eve@example.net\n\ny\n", []string{"-t"}, addedID + regexp.QuoteMeta("From: ann@example.com\r\n\r\ny\r\n")},
		{"Cc alone stays Cc", "From: ann@example.com\nCc: dan@example.net\n\ny\n", []string{"-t"}, addedID + regexp.QuoteMeta("From: ann@example.com\r\nCc: dan@example.net\r\n\r\ny\r\n")},
		{
			"names without a domain", "From: root (Cron Daemon)\nX-Cron-Env: <A=1>\nSender: daemon\nTo: root\nCc: Bob <bob@example.net>,\n \"The Admin\" <admin>\nReply-To: =?UTF-8?Q?B=C3=B6b?= <root>\nX-Cron-Env: <B=2>\nSubject: x\n\nFrom: root\n", cron,
			addedID + regexp.QuoteMeta("From: \"Cron Daemon\" <cron@example.com>\r\nSender: \"daemon\" <cron@example.com>\r\nTo: \"root\" <ops@example.net>\r\n"+
				"Cc: Bob <bob@example.net>,\r\n \"The Admin\" <ops@example.net>\r\nReply-To: =?utf-8?q?B=C3=B6b?= <ops@example.net>\r\nSubject: x\r\n\r\nFrom: root\r\n"),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := smtpfake.Start(t, secure(smtpfake.Config{}))
			if got := asSendmail(t, binary, urlOf("smtp", server.Addr()), c.text, c.args...); got.code != exitAccepted {
				t.Fatalf("exit status %d, stderr %q", got.code, got.stderr)
			}
			m := onlyMessage(t, server)
			if !regexp.MustCompile("^" + c.want + "$").Match(m.Data) {
				t.Errorf("got %q, want %q", m.Data, c.want)
			}
			if _, err := mail.ReadMessage(bytes.NewReader(m.Data)); err != nil {
				t.Error(err)
			}
		})
	}
}

// What cron writes about a job of a crontab that sets MAILER_URL.
const cronMail = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@host> backup\nMIME-Version: 1.0\nContent-Type: text/plain; charset=ANSI_X3.4-1968\n" +
	"Content-Transfer-Encoding: 8bit\nAuto-Submitted: auto-generated\nPrecedence: bulk\nX-Cron-Env: <SHELL=/bin/sh>\n" +
	"X-Cron-Env: <MAILER_URL=smtps://app:letmein@smtp.example.com>\nX-Cron-Env: <LOGNAME=root>\n\ndone\n"

// TestCronThroughAPIs: mail of this machine's users leaves it through APIs too, in the name of who may send
// there, and does not tell what the crontab sets.
func TestCronThroughAPIs(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			server := serveTLS(t, a)
			got := asSendmail(t, binary, server.url(), cronMail, "-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root")
			if got.code != exitAccepted || got.stdout != "" {
				t.Fatalf("exit status %d, stdout %s, stderr %s", got.code, got.stdout, got.stderr)
			}
			m := server.only(t)
			sameStrings(t, "envelope", m.envelope, "ops@example.net")
			for _, r := range server.Requests() {
				if bytes.Contains(r.Body, []byte("letmein")) || bytes.Contains(r.Body, []byte("X-Cron-Env")) {
					t.Errorf("the crontab shows: %s", r.Body)
				}
			}
			if a == mailgunAPI {
				if want := "From: \"Cron Daemon\" <cron@example.com>\r\nTo: \"root\" <ops@example.net>\r\nSubject: Cron"; !strings.Contains(m.raw, want) {
					t.Errorf("got %q, want %q in it", m.raw, want)
				}
				return
			}
			sameAddresses(t, "To", m.to, []mailer.Address{{Name: "root", Address: "ops@example.net"}})
			if m.from.Address != "cron@example.com" || m.subject != "Cron <root@host> backup" || m.text != "done\r\n" || m.header("Auto-Submitted") != "auto-generated" {
				t.Errorf("got %+v", m)
			}
		})
	}
}

// TestScriptThroughAPIs: a script that names its recipient in an argument alone.
func TestScriptThroughAPIs(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			server := serveTLS(t, a)
			if got := asSendmail(t, binary, server.url(), "Subject: disk\n\nfull\n", "-i", "fred@example.net"); got.code != exitAccepted {
				t.Fatalf("exit status %d, stderr %s", got.code, got.stderr)
			}
			sameStrings(t, "envelope", server.only(t).envelope, "fred@example.net")
		})
	}
}

// TestBlindUserThroughAPIs: a name without a domain is somebody in Bcc too, which APIs that take the parts read.
func TestBlindUserThroughAPIs(t *testing.T) {
	for _, a := range apis {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			server := serveTLS(t, a)
			const text = "From: ann@example.com\nTo: fred@example.net\nBcc: root\nSubject: disk\n\nfull\n"
			if got := asSendmail(t, binary, server.url(), text, "-t"); got.code != exitAccepted {
				t.Fatalf("exit status %d, stderr %s", got.code, got.stderr)
			}
			m := server.only(t)
			sameStrings(t, "envelope", m.envelope, "fred@example.net", "ops@example.net")
			if a != mailgunAPI {
				sameAddresses(t, "To", m.to, []mailer.Address{{Address: "fred@example.net"}})
			} else if strings.Contains(m.raw, "ops@example.net") {
				t.Errorf("a blind recipient shows: %q", m.raw)
			}
		})
	}
}

// TestSendmailStatus: our exit status, and that of sendmail for who asks for it.
func TestSendmailStatus(t *testing.T) {
	t.Parallel()
	refuse := func(p smtpfake.Point, reply string) smtpfake.Config {
		return smtpfake.Config{Hook: smtpfake.On(p, smtpfake.Action{Reply: reply})}
	}
	bob := func(e *smtpfake.Event) smtpfake.Action {
		if e.Point == smtpfake.RCPT && strings.Contains(e.Arg, "bob@") {
			return smtpfake.Action{Reply: "550 5.1.1 who"}
		}
		return smtpfake.Action{}
	}
	lost := smtpfake.On(smtpfake.Content, smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.FIN})
	for _, c := range []struct {
		name        string
		server      smtpfake.Config
		args        []string
		ours, other int
	}{
		{"accepted", smtpfake.Config{}, []string{"-t"}, 0, 0},
		{"for now", refuse(smtpfake.Content, "451 4.3.0 later"), []string{"-t"}, 1, 75},
		{"for good", refuse(smtpfake.Content, "554 5.7.1 spam"), []string{"-t"}, 1, 69},
		{"unknown", smtpfake.Config{Hook: lost}, []string{"-t"}, 3, 70},
		{"partly", smtpfake.Config{Hook: bob}, []string{"-t"}, 4, 70},
		{"no recipient", smtpfake.Config{}, []string{"-i", "-f", "ann@example.com"}, 1, 69},
		{"wrong usage", smtpfake.Config{}, []string{"-t", "-timeout", "soon"}, 2, 64},
		{"a daemon", smtpfake.Config{}, []string{"-bd"}, 2, 64},
		{"a queue", smtpfake.Config{}, []string{"-q15m"}, 2, 64},
		{"SMTP on standard input", smtpfake.Config{}, []string{"-bs"}, 2, 64},
		{"an option at the end", smtpfake.Config{}, []string{"-t", "-f"}, 2, 64},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := smtpfake.Start(t, secure(c.server))
			url := urlOf("smtp", server.Addr())
			got := asSendmail(t, binary, url, letter, c.args...)
			other := asSendmail(t, binary, url, letter, append([]string{"-sysexits"}, c.args...)...)
			if got.code != c.ours || other.code != c.other {
				t.Errorf("exit status %d, want %d; sendmail's %d, want %d\n%s", got.code, c.ours, other.code, c.other, got.stderr)
			}
			if quiet := got.stdout == "" && (got.stderr == "") == (c.ours == 0); !quiet {
				t.Errorf("stdout %q, stderr %q", got.stdout, got.stderr)
			}
		})
	}
	if got := (&account{Outcome: mailer.PartlyAccepted, temporary: true}).sysexit(); got != sysexitUndecided {
		t.Errorf("partly accepted: %d, and who is told 75 tries again", got)
	}
}

// TestSendmailRefusals: what is not clear is not guessed, and nothing is sent.
func TestSendmailRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, want string
		args             []string
	}{
		{"no recipient in the header", "From: a@example.com\n\nx\n", "no recipient", []string{"-t"}},
		{"an empty group", "From: a@example.com\nTo: undisclosed-recipients:;\n\nx\n", "no recipient", []string{"-t"}},
		{"no list", "From: a@example.com\nTo: Bob bob@example.net\n\nx\n", "header's To", []string{"-t"}},
		{"a list in From", "From: what is this\n\nx\n", "header's From", []string{"b@example.net", "-t"}},
		{"an address that is none", "From: a@example.com\n\nx\n", "not an address", []string{"-i", "b@c@d"}},
		{"an address that quotes another", "From: a@example.com\nTo: \"eve@example.com,b\"@example.net\n\nx\n", "not an address", []string{"-t"}},
		{"a name that quotes another", "From: a@example.com\nTo: \"x <eve@example.com>,b\"@example.net\n\nx\n", "not an address", []string{"-t"}},
		{"a header without end", "From: a@example.com\nTo: b@example.net\n" + strings.Repeat("X: y\n", maxHeaderBytes/5) + letter, "longer than", []string{"-t"}},
		{"a misspelt flag", letter, "not defined: -frmo", []string{"-frmo", "ann@example.com"}},
		{"another misspelt flag", letter, "not defined: -reply-too", []string{"-reply-too", "ann@example.com"}},
		{"and another", letter, "not defined: -otp", []string{"-otp", "ann@example.com"}},
		{"a capital", letter, "not defined: -From", []string{"-From", "ann@example.com"}},
		{"one more", letter, "not defined: -port", []string{"-i", "-port", "ann@example.com"}},
		{"behind an option", letter, "not defined: -froot", []string{"-i", "-froot", "ann@example.com"}},
		{"a blind copy of what is sent again", "Resent-Bcc: b@example.net\n" + letter, "Resent-Bcc", []string{"-t"}},
		{"a lone CR in the header", "From: a@example.com\nSubject: x\rBcc: eve@example.org\n\ny\n", "CR that no LF follows", []string{"-i", "b@example.net"}},
		{"a lone CR in what is no field", "From: a@example.com\nx\rBcc: eve@example.org\n\ny\n", "CR that no LF follows", []string{"-i", "b@example.net"}},
		{"a text beside it", letter, "beside Raw", []string{"-t", "-subject", "S"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args
			if i := slices.Index(args, "-t"); i > 0 && len(args) == 2 {
				args = []string{"-t", args[0]}
			}
			got := call(t, "smtp://127.0.0.1:1", c.text, args...)
			if got.code != exitNotAccepted && got.code != exitUsage || !strings.Contains(got.stderr, c.want) {
				t.Errorf("exit status %d, stderr %q, want %q", got.code, got.stderr, c.want)
			}
		})
	}
}

// TestLocalNames: without MAILER_TO and MAILER_FROM, mail of local users is refused and not sent to somebody.
func TestLocalNames(t *testing.T) {
	for text, want := range map[string]string{
		"From: a@example.com\nTo: root\n\nx\n": "MAILER_TO", "From: root\nTo: b@example.net\n\nx\n": "MAILER_FROM", "To: b@example.net\n\nx\n": "MAILER_FROM",
	} {
		if got := call(t, "smtp://127.0.0.1:1", text, "-t"); got.code != exitNotAccepted || !strings.Contains(got.stderr, want) {
			t.Errorf("%q: exit status %d, stderr %q", text, got.code, got.stderr)
		}
	}
}

// TestLocalAuthor: where -f has a domain, that is the author's address too, and MAILER_FROM is not needed. So
// both are the same, as APIs want them.
func TestLocalAuthor(t *testing.T) {
	const text = "From: root (Cron Daemon)\nTo: b@example.net\n\nx\n"
	server := smtpfake.Start(t, secure(smtpfake.Config{}))
	url := urlOf("smtp", server.Addr())
	for _, got := range []result{
		call(t, url, text, "-t", "-f", "ann@example.org"),
		asSendmail(t, binary, url, text, "-t", "-f", "ann@example.org"), // with MAILER_FROM
	} {
		if got.code != exitAccepted {
			t.Fatalf("exit status %d, stderr %q", got.code, got.stderr)
		}
	}
	for _, m := range server.Messages() {
		if m.From != "ann@example.org" || !strings.Contains(string(m.Data), "\r\nFrom: \"Cron Daemon\" <ann@example.org>\r\n") {
			t.Errorf("from %q, got %q", m.From, m.Data)
		}
	}
}

// TestRawEnvelope: what the flags do not say of a file's envelope, its header does.
func TestRawEnvelope(t *testing.T) {
	t.Parallel()
	file := writeFile(t, "m.eml", letter)
	everybody := []string{"bob@example.net", "cid@example.net", "dan@example.net", "eve@example.net"}
	for _, c := range []struct {
		args []string
		from string
		to   []string
	}{
		{nil, "ann@example.com", everybody},
		{[]string{"-from", "x@example.org"}, "x@example.org", everybody},
		{[]string{"-cc", "y@example.net"}, "ann@example.com", []string{"y@example.net"}},
		{[]string{"-from", "x@example.org", "-to", "y@example.net"}, "x@example.org", []string{"y@example.net"}},
		{[]string{"-t", "y@example.net"}, "ann@example.com", append([]string{"y@example.net"}, everybody...)},
	} {
		server := smtpfake.Start(t, secure(smtpfake.Config{}))
		_, wait := start(t, urlOf("smtp", server.Addr()), "not read", append([]string{"-raw", file}, c.args...)...)
		if got := wait(); got.code != exitAccepted {
			t.Fatalf("%q: exit status %d, stderr %q", c.args, got.code, got.stderr)
		}
		m := onlyMessage(t, server)
		sameStrings(t, "recipients", m.Addresses(), c.to...)
		if want := strings.ReplaceAll(strings.Replace(letter, "Bcc: eve@example.net\n", "", 1), "\n", "\r\n"); m.From != c.from || string(m.Data) != want {
			t.Errorf("%q: from %q, got %q, want %q", c.args, m.From, m.Data, want)
		}
	}
	nameless := writeFile(t, "n.eml", "Subject: x\n\n")
	if got := call(t, "smtp://127.0.0.1:1", "", "-raw", nameless, "-to", "b@example.net"); got.code != exitNotAccepted || !strings.Contains(got.stderr, "no sender") {
		t.Errorf("exit status %d, stderr %q", got.code, got.stderr)
	}
}
