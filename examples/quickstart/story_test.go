package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers"
)

// unsteady is what differs from run to run, from one system to another, and from one
// version of Go to the next, which may compress a picture otherwise.
var unsteady = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`dial tcp [^()\n]*[^() \n]`), "REFUSED"},
	{regexp.MustCompile(`after [0-9.µmns]+`), "after TIME"},
	{regexp.MustCompile(`127\.0\.0\.1:[0-9]+`), "SERVER"},
	{regexp.MustCompile(`sha256 [0-9a-f]{8}`), "sha256 DIGEST"},
	{regexp.MustCompile(`image/png, [0-9]+ bytes`), "image/png, SIZE"},
	{regexp.MustCompile(` (?:[0-9]+-[0-9]+|[A-Z0-9]{22}|[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})\n`), " ID\n"},
	{regexp.MustCompile(`failed attempts: [1-9][0-9]*\n`), "failed attempts: SOME\n"},
	{regexp.MustCompile(`backup has [1-9][0-9]*, relay has [1-9][0-9]*,`), "backup has SOME, relay has SOME,"},
}

const wantStory = `Three providers on this machine, behind one Sender: failover(primary backup relay)
   primary  acs://[redacted]
   backup   sendgrid://[redacted]@SERVER?name&ca_file
   relay    smtp://[redacted]@SERVER?name&ca_file

1. All is well: Azure takes the message
   attempt    primary (acs)    accepted  202  done after TIME
   recipient  bob@example.org  accepted  202  ID
   in truth   primary has it, backup has nothing, relay has nothing, for bob@example.org

2. Azure takes it and the reply is lost: it is asked, and there is one copy
   attempt    primary (acs)    unknown   provider  ask after TIME
   attempt    primary (acs)    accepted  -         asked what became of it
   recipient  gil@example.org  accepted  -         ID
   in truth   primary has it, backup has nothing, relay has nothing, for gil@example.org

3. Azure does not send for this domain: SendGrid does
   attempt    primary (acs)      not_accepted  sender 404  next route after TIME
   attempt    backup (sendgrid)  accepted      202         done after TIME
   recipient  joe@example.org    accepted      202         ID
   in truth   primary has nothing, backup has it, relay has nothing, for joe@example.org

4. Azure's quota is used up, and SendGrid is down: the same Send turns to the relay
   attempt    primary (acs)      not_accepted  rate 429   next route after TIME
   attempt    backup (sendgrid)  not_accepted  provider   next route after TIME
   attempt    relay (smtp)       accepted      250 2.0.0  done after TIME
   recipient  eve@example.org    accepted      250 2.0.0  ID
   in truth   primary has nothing, backup has nothing, relay has it, for eve@example.org
   This is what Eve reads:
   Subject: Grüße: your order 4711 is on its way ✓
   From:    Ann Müller <ann@example.com>
   To:      Eve <eve@example.org>
   text/plain, 49 bytes
      | Your order 4711 has left. The list is attached.
   text/html, 67 bytes
      | <p><img src="cid:logo" alt=""> Your order <b>4711</b> has left.</p>
   image/png, SIZE, inline logo.png, cid:logo, sha256 DIGEST..., as it was sent
   text/csv, 30 bytes, attachment order-4711.csv, sha256 DIGEST..., as it was sent

5. It stays so: soon nobody tries either of them any more
   outcome    20 messages accepted; failed attempts: SOME
   in truth   primary has 0 of them, backup has 0, relay has 20, each once
   health     primary closed (over its quota), backup open (provider), relay closed

6. SendGrid comes back, but refuses every other message
   outcome    20 messages accepted; failed attempts: SOME
   in truth   primary has 0 of them, backup has SOME, relay has SOME, each once

7. It is well again: the router has found out by itself
   attempt    primary (acs)      none      -    rate limit reached
   attempt    backup (sendgrid)  accepted  202  done after TIME
   recipient  lee@example.org    accepted  202  ID
   in truth   primary has nothing, backup has it, relay has nothing, for lee@example.org

8. The relay refuses one recipient of two: the other one has the message
   outcome    partly_accepted
   attempt    primary (acs)       none             -                    unsupported: the message needs return_path
   attempt    backup (sendgrid)   none             -                    unsupported: the message needs return_path
   attempt    relay (smtp)        partly_accepted  recipient 550 5.1.1  stop after TIME
   recipient  ida@example.org     accepted         250 2.0.0            ID
   recipient  nobody@example.org  not_accepted     recipient 550 5.1.1  no such user
   error      smtp: 550 5.1.1 RCPT: "no such user" (primary was passed over: unsupported: the message needs return_path; backup was passed over: unsupported: the message needs return_path) (partly accepted)
   in truth   primary has nothing, backup has nothing, relay has it, for ida@example.org
   in truth   primary has nothing, backup has nothing, relay has nothing, for nobody@example.org

9. Its reply is lost, and it cannot be asked: another copy might be the second one, so there is none
   attempt    primary (acs)      none     -         unsupported: the message needs return_path
   attempt    backup (sendgrid)  none     -         unsupported: the message needs return_path
   attempt    relay (smtp)       unknown  provider  stop after TIME
   recipient  kim@example.org    unknown  provider
   error      smtp: reply to the content: EOF (primary was passed over: unsupported: the message needs return_path; backup was passed over: unsupported: the message needs return_path) (outcome unknown: the provider may have the message)
   in truth   primary has nothing, backup has nothing, relay has it, for kim@example.org

10. All are gone: nobody has the message, so it may be sent later
   attempt    primary (acs)      none          -         rate limit reached
   attempt    backup (sendgrid)  not_accepted  provider  next route after TIME
   attempt    relay (smtp)       not_accepted  provider  retry after TIME
   attempt    backup (sendgrid)  not_accepted  provider  stop after TIME
   recipient  zoe@example.org    not_accepted  provider
   error      sendgrid: connect: REFUSED (primary was passed over: rate limit reached; relay: connect: REFUSED)
   in truth   primary has nothing, backup has nothing, relay has nothing, for zoe@example.org
`

// The story is what is expected, and what it says about the servers is what they have.
func TestStory(t *testing.T) {
	s := mustStart(t)
	var out bytes.Buffer
	if err := tellStoryOf(t.Context(), &out, s); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	got := out.String()
	checkTruth(t, s, got)
	for _, u := range unsteady {
		got = u.pattern.ReplaceAllString(got, u.instead)
	}
	if got != wantStory {
		t.Errorf("got\n%s\nwant\n%s", got, wantStory)
	}
	for _, v := range slices.Concat(s.primary.Violations(), s.primary.Denials(), s.backup.Violations()) {
		t.Error(v)
	}
	for _, v := range s.relay.Violations() {
		t.Error(v)
	}
}

// The program tells it with servers of its own.
func TestEmbedded(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, environment(nil)); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if last := chapters[len(chapters)-1].title; !strings.Contains(out.String(), last) {
		t.Errorf("there is no %q in\n%s", last, out.String())
	}
}

// held counts what the servers have for each recipient.
func (s *servers) held() map[string]holdings {
	held := map[string]holdings{}
	add := func(server int, addresses []string) {
		for _, a := range addresses {
			n := held[a]
			n[server]++
			held[a] = n
		}
	}
	for _, m := range s.primary.Messages() {
		add(0, m.Recipients())
	}
	for _, m := range s.backup.Messages() {
		add(1, m.Recipients())
	}
	for _, m := range s.relay.Messages() {
		add(2, m.Addresses())
	}
	return held
}

var (
	oneMessage  = regexp.MustCompile(`in truth   primary has (nothing|it), backup has (nothing|it), relay has (nothing|it), for (\S+)\n`)
	allMessages = regexp.MustCompile(`in truth   primary has (\d+) of them, backup has (\d+), relay has (\d+), each once\n`)
)

// checkTruth compares every line that is said to be true with the servers.
func checkTruth(t *testing.T, s *servers, story string) {
	t.Helper()
	held := s.held()
	number := map[string]int{"nothing": 0, "it": 1}
	lines := oneMessage.FindAllStringSubmatch(story, -1)
	for _, line := range lines {
		if want := (holdings{number[line[1]], number[line[2]], number[line[3]]}); held[line[4]] != want {
			t.Errorf("%s: the servers have %v", line[0], held[line[4]])
		}
	}
	crowds := allMessages.FindAllStringSubmatch(story, -1)
	if len(lines) != 9 || len(crowds) != 2 {
		t.Fatalf("%d and %d lines tell the truth, want 9 and 2", len(lines), len(crowds))
	}
	for i, name := range []string{"code", "link"} {
		var sum holdings
		for k := range many {
			n := held[fmt.Sprintf("%s-%d@example.org", name, k+1)]
			if n.sum() != 1 {
				t.Errorf("%s-%d has %v", name, k+1, n)
			}
			sum = holdings{sum[0] + n[0], sum[1] + n[1], sum[2] + n[2]}
		}
		for server, count := range crowds[i][1:] {
			if count != strconv.Itoa(sum[server]) {
				t.Errorf("%s: the servers have %v", crowds[i][0], sum)
			}
		}
	}
}

// The servers have all of the message, in whatever form it was sent to them.
func TestBackupHasAll(t *testing.T) {
	s := mustStart(t)
	want := newMessage(ann, eve)
	s.sendOne(t)
	s.primary.useUpQuota()
	s.sendOne(t)
	if n := [3]int{len(s.primary.Messages()), len(s.backup.Messages()), len(s.relay.Messages())}; n != [3]int{1, 1, 0} {
		t.Fatalf("they have %v messages", n)
	}
	first, second := s.primary.Messages()[0], s.backup.Messages()[0]
	if first.Subject != want.Subject || first.Sender != ann.Address || len(first.Attachments) != 2 {
		t.Fatalf("the primary has %+v", first)
	}
	if second.Subject != want.Subject || second.From.Name != ann.Name || len(second.Contents) != 2 || len(second.Attachments) != 2 {
		t.Fatalf("the backup has %+v", second)
	}
	for i, text := range []string{want.Text, want.HTML} {
		for _, got := range []string{[]string{first.Text, first.HTML}[i], second.Contents[i].Value} {
			if strings.ReplaceAll(got, "\r\n", "\n") != text {
				t.Errorf("got %q, want %q", got, text)
			}
		}
	}
	for i, a := range want.Attachments {
		f, b := first.Attachments[i], second.Attachments[i]
		checkFile(t, a, f.Name, f.ContentID, f.Content)
		checkFile(t, a, b.Filename, b.ContentID, b.Content)
	}
}

// sendOne sends a message to eve as the program does with MAILER_URL.
func (s *servers) sendOne(t *testing.T) {
	t.Helper()
	err := run(t.Context(), new(bytes.Buffer), environment(map[string]string{
		"MAILER_URL": s.url(), "MAILER_FROM": "Ann Müller <ann@example.com>", "MAILER_TO": "eve@example.org",
	}))
	if err != nil {
		t.Fatal(err)
	}
}

func checkFile(t *testing.T, want mailer.Attachment, name, contentID string, content []byte) {
	t.Helper()
	sum, err := digestOf(want.Name, []mailer.Attachment{want})
	if err != nil || sha256.Sum256(content) != sum || name != want.Name || contentID != want.ContentID {
		t.Errorf("%s (%s) is not %s as it was sent: %q, %v", name, contentID, want.Name, content, err)
	}
}

// The story ends with an error when it is not as it says.
func TestStoryIsChecked(t *testing.T) {
	t.Run("another verdict", func(t *testing.T) {
		s := newStory(t)
		if err := s.send(t.Context(), newMessage(ann, bob), mailer.ErrUnavailable); err == nil {
			t.Error("an accepted message passes for one that is not")
		}
		if err := s.send(t.Context(), newMessage(ann, mailer.Address{Address: unknownRecipient}), nil); !errors.Is(err, mailer.ErrRecipientRefused) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a doubled message", func(t *testing.T) {
		s := newStory(t)
		s.sender = twice{s.sender}
		if err := s.sendMany(t.Context(), "code", func(int) {}); err == nil || !strings.Contains(err.Error(), "has 2 copies: ") {
			t.Errorf("got %v", err)
		}
	})
}

// newStory returns one of servers that are well, without its router.
func newStory(t *testing.T) *story {
	t.Helper()
	s := mustStart(t)
	sender, err := providers.Open(t.Context(), s.relay.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSender(context.Background(), sender) })
	return &story{w: new(bytes.Buffer), servers: s, sender: sender}
}

// twice doubles every message.
type twice struct{ mailer.Sender }

func (s twice) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	if _, err := s.Sender.Send(ctx, msg); err != nil {
		return nil, err
	}
	return s.Sender.Send(ctx, msg)
}
