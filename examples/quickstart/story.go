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
	ann = mailer.Address{Name: "Ann Müller", Address: "ann@example.com"}
	bob = mailer.Address{Name: "Bob", Address: "bob@example.org"}
	eve = mailer.Address{Address: "eve@example.org"}
	ida = mailer.Address{Address: "ida@example.org"}
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
	{"All is well: the primary takes the message", (*story).allIsWell},
	{"The primary goes down: the same Send turns to the backup", (*story).failover},
	{"It stays down: soon nobody tries it any more", (*story).staysDown},
	{"It comes back, but refuses every other message", (*story).flaps},
	{"It is well again: the router has found out by itself", (*story).isBack},
	{"One recipient of two is refused: the other one has the message", (*story).partlyAccepted},
	{"The reply is lost: another copy might be the second one, so there is none", (*story).inDoubt},
	{"Both are gone: nobody has the message, so it may be sent later", (*story).bothDown},
}

// tellStory sends through two servers that it starts.
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
	s.printf("Two servers on this machine, behind one Sender: failover(primary backup)\n")
	s.printf("   primary  %s\n   backup   %s\n", dsn.Redact(servers.primary.url), dsn.Redact(servers.backup.url))
	for i, c := range chapters {
		s.printf("\n%d. %s\n", i+1, c.title)
		if err := c.tell(s, ctx); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
	}
	return nil
}

func (s *story) allIsWell(ctx context.Context) error {
	msg := newMessage(ann, bob)
	if err := send(ctx, s.w, s.sender, msg); err != nil {
		return err
	}
	s.printf("   This is what %s reads:\n", bob.Name)
	return printMessage(s.w, s.servers.primary.Messages()[0].Data, msg.Attachments)
}

func (s *story) failover(ctx context.Context) error {
	s.servers.primary.set(down)
	return s.send(ctx, newMessage(ann, eve), nil)
}

func (s *story) staysDown(ctx context.Context) error {
	if err := s.sendMany(ctx, "code"); err != nil {
		return err
	}
	s.printHealth()
	return nil
}

func (s *story) flaps(ctx context.Context) error {
	s.servers.primary.set(flapping)
	if err := s.untilLookedAt(ctx); err != nil {
		return err
	}
	return s.sendMany(ctx, "link")
}

func (s *story) isBack(ctx context.Context) error {
	s.servers.primary.set(well)
	if err := s.untilLookedAt(ctx); err != nil {
		return err
	}
	msg := newMessage(ann, lee)
	msg.Delivery = mailer.AtLeastOnce // such messages go first where it is not certain that all is well
	return s.send(ctx, msg, nil)
}

func (s *story) partlyAccepted(ctx context.Context) error {
	return s.send(ctx, newMessage(ann, ida, mailer.Address{Address: unknownRecipient}), mailer.ErrPartlyAccepted)
}

func (s *story) inDoubt(ctx context.Context) error {
	return s.send(ctx, newMessage(ann, mailer.Address{Address: unluckyRecipient}), mailer.ErrUnknownOutcome)
}

func (s *story) bothDown(ctx context.Context) error {
	s.servers.primary.Close()
	s.servers.backup.Close()
	return s.send(ctx, newMessage(ann, zoe), mailer.ErrUnavailable)
}

func (s *story) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.w, format, args...) }
