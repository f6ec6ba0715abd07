package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/router"
	"github.com/mailkeel/mailkeel/providers"
)

var (
	ann = mailer.Address{Name: "Ann Müller", Address: "ann@" + linkedDomain}
	pat = mailer.Address{Name: "Pat", Address: "pat@example.net"} // whose domain the primary does not know
	bob = mailer.Address{Name: "Bob", Address: "bob@example.org"}
	eve = mailer.Address{Name: "Eve", Address: "eve@example.org"}
	gil = mailer.Address{Address: "gil@example.org"}
	ida = mailer.Address{Address: "ida@example.org"}
	joe = mailer.Address{Address: "joe@example.org"}
	lee = mailer.Address{Address: "lee@example.org"}
	zoe = mailer.Address{Address: "zoe@example.org"}
)

// A story is told with servers that the program has started, and so can show both sides.
type story struct {
	w       io.Writer
	servers *servers
	sender  mailer.Sender
	router  *router.Router // the same one, for its health
}

// A chapter is something that happens, and what becomes of mail then.
type chapter struct {
	title string
	tell  func(*story, context.Context) error
}

var chapters = []chapter{
	{"All is well: Azure takes the message", (*story).allIsWell},
	{"Azure takes it and the reply is lost: it is asked, and there is one copy", (*story).settled},
	{"Azure does not send for this domain: SendGrid does", (*story).unlinked},
	{"Azure's quota is used up, and SendGrid is down: the same Send turns to the relay", (*story).failover},
	{"It stays so: soon nobody tries either of them any more", (*story).staysDown},
	{"SendGrid comes back, but refuses every other message", (*story).flaps},
	{"It is well again: the router has found out by itself", (*story).isBack},
	{"The relay refuses one recipient of two: the other one has the message", (*story).partlyAccepted},
	{"Its reply is lost, and it cannot be asked: another copy might be the second one, so there is none", (*story).inDoubt},
	{"All are gone: nobody has the message, so it may be sent later", (*story).allGone},
}

// tellStory sends through three servers that it starts.
func tellStory(ctx context.Context, w io.Writer) error {
	servers, err := startServers()
	if err != nil {
		return err
	}
	defer servers.close()
	return tellStoryOf(ctx, w, servers)
}

func tellStoryOf(ctx context.Context, w io.Writer, servers *servers) error {
	sender, err := providers.Open(ctx, servers.url())
	if err != nil {
		return err
	}
	defer closeSender(ctx, sender)
	r, found := mailer.Find[*router.Router](sender)
	if !found {
		return errors.New("there is no router")
	}
	s := &story{w, servers, sender, r}
	s.printf("Three providers on this machine, behind one Sender: failover(primary backup relay)\n")
	s.printf("   primary  %s\n   backup   %s\n   relay    %s\n",
		dsn.Redact(servers.primary.url), dsn.Redact(servers.backup.url), dsn.Redact(servers.relay.url))
	for i, c := range chapters {
		s.printf("\n%d. %s\n", i+1, c.title)
		if err := c.tell(s, ctx); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
	}
	return nil
}

func (s *story) allIsWell(ctx context.Context) error { return s.send(ctx, newMessage(ann, bob), nil) }

func (s *story) settled(ctx context.Context) error {
	s.servers.primary.loseReply()
	return s.send(ctx, newMessage(ann, gil), nil)
}

func (s *story) unlinked(ctx context.Context) error { return s.send(ctx, newMessage(pat, joe), nil) }

func (s *story) failover(ctx context.Context) error {
	s.servers.primary.useUpQuota()
	s.servers.backup.goDown()
	msg := newMessage(ann, eve)
	if err := s.send(ctx, msg, nil); err != nil {
		return err
	}
	delivered := s.servers.relay.Messages()
	if len(delivered) != 1 {
		return fmt.Errorf("the relay has %d messages", len(delivered))
	}
	s.printf("   This is what %s reads:\n", eve.Name)
	return printMessage(s.w, delivered[0].Data, msg.Attachments)
}

func (s *story) staysDown(ctx context.Context) error {
	if err := s.sendMany(ctx, "code", func(int) {}); err != nil {
		return err
	}
	s.printHealth()
	return nil
}

func (s *story) flaps(ctx context.Context) error {
	s.servers.backup.comeBack()
	if err := s.untilLookedAt(ctx); err != nil {
		return err
	}
	return s.sendMany(ctx, "link", func(i int) {
		if i%2 == 1 {
			s.servers.backup.refuseOne()
		}
	})
}

func (s *story) isBack(ctx context.Context) error {
	if err := s.untilLookedAt(ctx); err != nil {
		return err
	}
	msg := newMessage(ann, lee)
	msg.Delivery = mailer.AtLeastOnce // such messages go first where it is not certain that all is well
	return s.send(ctx, msg, nil)
}

func (s *story) partlyAccepted(ctx context.Context) error {
	return s.send(ctx, forRelay(ida, mailer.Address{Address: unknownRecipient}), mailer.ErrPartlyAccepted)
}

func (s *story) inDoubt(ctx context.Context) error {
	return s.send(ctx, forRelay(mailer.Address{Address: unluckyRecipient}), mailer.ErrUnknownOutcome)
}

// forRelay returns a message with a return path of its own, for which neither API has a place.
func forRelay(to ...mailer.Address) *mailer.Message {
	msg := newMessage(ann, to...)
	msg.ReturnPath = "bounces@" + linkedDomain
	return msg
}

func (s *story) allGone(ctx context.Context) error {
	s.servers.stop()
	return s.send(ctx, newMessage(ann, zoe), mailer.ErrUnavailable)
}

func (s *story) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.w, format, args...) }
