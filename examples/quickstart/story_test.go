package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
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
	{regexp.MustCompile(` (?:[0-9]+-[0-9]+|[A-Z0-9]{22})\n`), " ID\n"},
	{regexp.MustCompile(`failed attempts: [1-9][0-9]*\n`), "failed attempts: SOME\n"},
	{regexp.MustCompile(`primary has [1-9][0-9]* of them, backup has [1-9][0-9]*,`), "primary has SOME of them, backup has SOME,"},
}

const wantStory = `Two servers on this machine, behind one Sender: failover(primary backup)
   primary  smtp://[redacted]@SERVER?name&ca_file
   backup   sendgrid://[redacted]@SERVER?name&ca_file

1. All is well: the primary takes the message
   attempt    primary (smtp)   accepted  250 2.0.0  done after TIME
   recipient  bob@example.org  accepted  250 2.0.0  ID
   This is what Bob reads:
   Subject: Grüße: your order 4711 is on its way ✓
   From:    Ann Müller <ann@example.com>
   To:      Bob <bob@example.org>
   text/plain, 49 bytes
      | Your order 4711 has left. The list is attached.
   text/html, 67 bytes
      | <p><img src="cid:logo" alt=""> Your order <b>4711</b> has left.</p>
   image/png, SIZE, inline logo.png, cid:logo, sha256 DIGEST..., as it was sent
   text/csv, 30 bytes, attachment order-4711.csv, sha256 DIGEST..., as it was sent

2. The primary goes down: the same Send turns to the backup
   attempt    primary (smtp)     not_accepted  provider  next route after TIME
   attempt    backup (sendgrid)  accepted      202       done after TIME
   recipient  eve@example.org    accepted      202       ID
   in truth   primary has nothing, backup has it, for eve@example.org

3. It stays down: soon nobody tries it any more
   outcome    20 messages accepted; failed attempts: SOME
   in truth   primary has 0 of them, backup has 20, each once
   health     primary open (provider), backup closed

4. It comes back, but refuses every other message
   outcome    20 messages accepted; failed attempts: SOME
   in truth   primary has SOME of them, backup has SOME, each once

5. It is well again: the router has found out by itself
   attempt    primary (smtp)   accepted  250 2.0.0  done after TIME
   recipient  lee@example.org  accepted  250 2.0.0  ID
   in truth   primary has it, backup has nothing, for lee@example.org

6. One recipient of two is refused: the other one has the message
   outcome    partly_accepted
   attempt    primary (smtp)      partly_accepted  recipient 550 5.1.1  stop after TIME
   recipient  ida@example.org     accepted         250 2.0.0            ID
   recipient  nobody@example.org  not_accepted     recipient 550 5.1.1  no such user
   error      smtp: 550 5.1.1 RCPT: "no such user" (partly accepted)
   in truth   primary has it, backup has nothing, for ida@example.org
   in truth   primary has nothing, backup has nothing, for nobody@example.org

7. The reply is lost: another copy might be the second one, so there is none
   attempt    primary (smtp)   unknown  provider  stop after TIME
   recipient  kim@example.org  unknown  provider
   error      smtp: reply to the content: EOF (outcome unknown: the provider may have the message)
   in truth   primary has it, backup has nothing, for kim@example.org

8. Both are gone: nobody has the message, so it may be sent later
   attempt    primary (smtp)     not_accepted  provider  next route after TIME
   attempt    backup (sendgrid)  not_accepted  provider  retry after TIME
   attempt    primary (smtp)     not_accepted  provider  stop after TIME
   recipient  zoe@example.org    not_accepted  provider
   error      smtp: connect: REFUSED (backup: connect: REFUSED)
   in truth   primary has nothing, backup has nothing, for zoe@example.org
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
	for _, v := range s.primary.Violations() {
		t.Error(v)
	}
	for _, v := range s.backup.Violations() {
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

// held counts what both servers have for each recipient.
func (s *servers) held() map[string][2]int {
	held := map[string][2]int{}
	add := func(server int, addresses []string) {
		for _, a := range addresses {
			n := held[a]
			n[server]++
			held[a] = n
		}
	}
	for _, m := range s.primary.Messages() {
		add(0, m.Addresses())
	}
	for _, m := range s.backup.Messages() {
		add(1, m.Recipients())
	}
	return held
}

var (
	oneMessage  = regexp.MustCompile(`in truth   primary has (nothing|it), backup has (nothing|it), for (\S+)\n`)
	allMessages = regexp.MustCompile(`in truth   primary has (\d+) of them, backup has (\d+), each once\n`)
)

// checkTruth compares every line that is said to be true with the servers.
func checkTruth(t *testing.T, s *servers, story string) {
	t.Helper()
	held := s.held()
	number := map[string]int{"nothing": 0, "it": 1}
	lines := oneMessage.FindAllStringSubmatch(story, -1)
	for _, line := range lines {
		if want := [2]int{number[line[1]], number[line[2]]}; held[line[3]] != want {
			t.Errorf("%s: the servers have %v", line[0], held[line[3]])
		}
	}
	crowds := allMessages.FindAllStringSubmatch(story, -1)
	if len(lines) != 6 || len(crowds) != 2 {
		t.Fatalf("%d and %d lines tell the truth, want 6 and 2", len(lines), len(crowds))
	}
	for i, name := range []string{"code", "link"} {
		var sum [2]int
		for k := range many {
			n := held[fmt.Sprintf("%s-%d@example.org", name, k+1)]
			if n[0]+n[1] != 1 {
				t.Errorf("%s-%d has %v", name, k+1, n)
			}
			sum[0], sum[1] = sum[0]+n[0], sum[1]+n[1]
		}
		if crowds[i][1] != strconv.Itoa(sum[0]) || crowds[i][2] != strconv.Itoa(sum[1]) {
			t.Errorf("%s: the servers have %v", crowds[i][0], sum)
		}
	}
}

// The backup has all of the message, although it was sent in another form.
func TestBackupHasAll(t *testing.T) {
	s := mustStart(t)
	s.primary.set(down)
	err := run(t.Context(), new(bytes.Buffer), environment(map[string]string{
		"MAILER_URL": s.url(), "MAILER_FROM": "Ann Müller <ann@example.com>", "MAILER_TO": "eve@example.org",
	}))
	if err != nil {
		t.Fatal(err)
	}
	messages := s.backup.Messages()
	if len(messages) != 1 || len(s.primary.Messages()) != 0 {
		t.Fatalf("the backup has %+v", messages)
	}
	got, want := messages[0], newMessage(ann, eve)
	if got.Subject != want.Subject || got.From.Name != ann.Name || len(got.Contents) != 2 || len(got.Attachments) != 2 {
		t.Fatalf("got %+v", got)
	}
	for i, text := range []string{want.Text, want.HTML} {
		if strings.ReplaceAll(got.Contents[i].Value, "\r\n", "\n") != text {
			t.Errorf("got %q, want %q", got.Contents[i].Value, text)
		}
	}
	for i, a := range want.Attachments {
		sum, err := digestOf(a.Name, []mailer.Attachment{{Name: a.Name, Content: mailer.Bytes(got.Attachments[i].Content)}})
		wantSum, _ := digestOf(a.Name, want.Attachments)
		if err != nil || sum != wantSum || got.Attachments[i].Filename != a.Name || got.Attachments[i].ContentID != a.ContentID {
			t.Errorf("got %+v, %v", got.Attachments[i], err)
		}
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
		if err := s.sendMany(t.Context(), "code"); err == nil || !strings.Contains(err.Error(), "has 2 copies at the primary") {
			t.Errorf("got %v", err)
		}
	})
}

// newStory returns one of servers that are well, without its router.
func newStory(t *testing.T) *story {
	t.Helper()
	s := mustStart(t)
	sender, err := providers.Open(t.Context(), s.primary.url)
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
