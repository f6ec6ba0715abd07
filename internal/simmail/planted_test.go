package simmail_test

import (
	"context"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// misread makes the attempt, and breaks what an adapter would have to hold.
func (s *miniSend) misread(ctx context.Context, rt *miniRoute, msg *mailer.Message) (*mailer.Receipt, error) {
	if s.bug == "waits for its turn" {
		s.loops.Add(1)
		time.Sleep(200 * time.Millisecond)
		s.loops.Done()
	}
	if s.bug == "tries alongside without a gate" && len(s.routes) > 1 {
		go func() { _, _ = s.routes[len(s.routes)-1].Send(context.WithoutCancel(s.ctx), msg) }()
	}
	receipt, err := rt.Send(ctx, msg)
	e := mailer.AsSendError(err)
	switch {
	case e == nil && s.bug == "sends twice":
		return rt.Send(context.WithoutCancel(s.ctx), msg)
	case e == nil || len(e.Receipt.Attempts) == 0:
	case s.bug == "reads a lost reply as a refusal" && e.Outcome == mailer.Unknown:
		setAll(e.Receipt, mailer.NotAccepted)
	case s.bug == "reads a refusal as unknown" && e.Outcome == mailer.NotAccepted:
		setAll(e.Receipt, mailer.Unknown)
	case s.bug == "reads 451 as accepted" && e.Code == 451:
		setAll(e.Receipt, mailer.Accepted)
	}
	return receipt, err
}

func setAll(r *mailer.Receipt, o mailer.Outcome) {
	for i := range r.Recipients {
		r.Recipients[i].Outcome, r.Recipients[i].Elsewhere = o, false
	}
}

// plant breaks the account of the send.
func (s *miniSend) plant(r *mailer.Receipt, err error) (*mailer.Receipt, error) {
	account := s.receipt
	switch s.bug {
	case "reports accepted for refused":
		setAll(account, mailer.Accepted)
		account.Outcome = mailer.Accepted
		return account, nil
	case "reports refused for unknown":
		if account.Outcome == mailer.Unknown {
			setAll(account, mailer.NotAccepted)
			return s.account()
		}
	case "forgets failed attempts":
		account.Attempts = account.Attempts[max(0, len(account.Attempts)-1):]
	case "forgets a recipient":
		account.Recipients = account.Recipients[:len(account.Recipients)-1]
	case "returns no receipt beside an error":
		return nil, err
	case "goes on after it has returned":
		if err != nil && len(s.routes) > 1 {
			msg, last := s.msg, s.routes[len(s.routes)-1]
			s.loops.Go(func() {
				time.Sleep(time.Second)
				_, _ = last.Send(context.Background(), msg)
			})
		}
	}
	if r == nil && err == nil {
		return nil, mailer.AsSendError(context.Canceled)
	}
	return r, err
}
