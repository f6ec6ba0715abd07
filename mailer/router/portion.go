package router

import (
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/mailkeel/mailkeel/mailer"
)

// share returns which recipients the next attempt at rt is for; nil means all.
func (s *send) share(rt *route) []string {
	if limit := rt.caps.MaxRecipients; limit > 0 && len(s.rest()) > limit {
		return s.rest()[:limit] // only where SplitRecipients lets it come so far
	}
	return s.targets
}

// messageFor returns the message as rt sends it to those recipients; nil means all.
func (s *send) messageFor(rt *route, to []string) (*mailer.Message, error) {
	m := s.msg
	if to != nil {
		var err error
		if m, err = s.narrow(rt, to); err != nil {
			return nil, err
		}
	}
	if rt.From.Address != "" {
		m = mailer.SendAs(m, rt.From)
	}
	return m, nil
}

// narrow leaves the header alone where the route can; otherwise the header shows the portion.
func (s *send) narrow(rt *route, to []string) (*mailer.Message, error) {
	m := *s.msg
	apart := rt.caps.Features&mailer.FeatureEnvelope != 0
	if !apart || rt.caps.ReplayWindow > 0 {
		m.IdempotencyKey = portionKey(m.IdempotencyKey, to)
	}
	if apart {
		return mailer.Narrow(&m, to)
	}
	m.To, m.Cc, m.Bcc = only(m.To, to), only(m.Cc, to), only(m.Bcc, to)
	return mailer.Prepare(&m)
}

func only(list []mailer.Address, to []string) []mailer.Address {
	return slices.DeleteFunc(slices.Clone(list), func(a mailer.Address) bool { return !slices.Contains(to, a.Address) })
}

// portionKey is another one than the whole's: to a provider that knows keys the portion is
// another message.
func portionKey(key string, to []string) string {
	h := fnv.New64a()
	for _, address := range append([]string{key}, to...) {
		_, _ = h.Write([]byte(address + "\n"))
	}
	const room = 255 - 17
	return key[:min(len(key), room)] + "-" + strconv.FormatUint(h.Sum64(), 16)
}
