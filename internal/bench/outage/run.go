package outage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// A Plan is how much is sent.
type Plan struct {
	// Messages is how many, Every the time between two of them.
	Messages int
	Every    time.Duration
	// Limit is a send's time-out, SlowReply after what time the slow primary answers.
	Limit, SlowReply time.Duration
}

// Run sends the plan's messages through a contender. The messages come when they come, however long
// those before them take. The first does after the delay.
func Run(s Scenario, c Contender, p Plan, delay time.Duration) (*Account, error) {
	e, err := build(s, p)
	if err != nil {
		return nil, err
	}
	defer e.close()
	sender, err := c.open([]mailer.Sender{e.tried, e.second}, p.Limit)
	if err != nil {
		return nil, err
	}
	sends, err := p.send(sender, delay)
	if err != nil {
		return nil, err
	}
	if closer, ok := mailer.Find[mailer.Closer](sender); ok {
		if err := closer.Close(context.Background()); err != nil {
			return nil, err
		}
	}
	return account(sends, e.tried.tried, copies(e.primary), copies(e.backup)), nil
}

// A watched route knows the messages that were tried on it, by their recipient.
type watched struct {
	mailer.Sender

	mu    sync.Mutex
	tried map[string]bool
}

func (w *watched) Unwrap() mailer.Sender { return w.Sender }

func (w *watched) Send(ctx context.Context, msg *mailer.Message) (*mailer.Receipt, error) {
	w.mu.Lock()
	w.tried[msg.Recipients()[0]] = true
	w.mu.Unlock()
	return w.Sender.Send(ctx, msg)
}

// A send is one message and what its sender was told.
type send struct {
	recipient string
	took      time.Duration
	err       error
}

func (p Plan) send(s mailer.Sender, delay time.Duration) ([]send, error) {
	messages, err := p.prepare()
	if err != nil {
		return nil, err
	}
	sends := make([]send, len(messages))
	var wg sync.WaitGroup
	begin := time.Now().Add(delay)
	for i, msg := range messages {
		due := begin.Add(time.Duration(i) * p.Every)
		time.Sleep(time.Until(due))
		wg.Go(func() {
			_, err := s.Send(context.Background(), msg)
			sends[i] = send{msg.Recipients()[0], time.Since(due), err}
		})
	}
	wg.Wait()
	return sends, nil
}

// prepare makes the messages, each to a recipient of its own.
func (p Plan) prepare() ([]*mailer.Message, error) {
	messages := make([]*mailer.Message, p.Messages)
	for i := range messages {
		msg, err := mailer.Prepare(&mailer.Message{
			From:    mailer.Address{Address: "sender@example.com"},
			To:      []mailer.Address{{Address: fmt.Sprintf("recipient%d@example.net", i)}},
			Subject: "Your invoice for November",
			Text:    "See you.\n",
		})
		if err != nil {
			return nil, err
		}
		messages[i] = msg
	}
	return messages, nil
}
