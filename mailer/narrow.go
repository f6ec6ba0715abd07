package mailer

import (
	"errors"
	"slices"
)

// Narrow returns a prepared message that goes to only those of m's recipients that are
// among recipients, which are written as [Message.Recipients] gives them. Its header
// still shows all of To and Cc, so it needs [FeatureEnvelope] of whoever sends it. It is m
// itself where nobody is left out. m is prepared first if it is not.
//
// Its identity is m's, so that a provider that has had another part of m and knows
// messages by their key, as [Capabilities].ReplayWindow says, takes it for a repetition.
//
// A copy of it stays narrow, whoever prepares it again: nobody is added by what is added to
// its lists. A copy whose lists hold nobody but its recipients is an ordinary message again.
//
// It is for sending on what one provider accepted for some recipients only. The error is
// that of [Prepare], or one like it that says that no recipient is left.
func Narrow(m *Message, recipients []string) (*Message, error) {
	m, err := Prepare(m)
	if err != nil {
		return nil, err
	}
	kept := among(m.prepared.recipients, recipients)
	switch len(kept) {
	case 0:
		return nil, invalid(errNobody)
	case len(m.prepared.recipients):
		return m, nil
	}
	frozen := &struct {
		Message
		prepared
	}{Message: *m, prepared: *m.prepared}
	narrow, p := &frozen.Message, &frozen.prepared
	p.self, narrow.prepared = narrow, p
	p.narrowed, p.recipients = true, kept
	return narrow, nil
}

var errNobody = errors.New("no recipient is left of those it is narrowed to")

// narrow returns those of all that a copy of the message goes to, and whether they are
// fewer. A nil p, of a message that was never prepared, leaves nobody out.
func (p *prepared) narrow(all []string) (recipients []string, fewer bool) {
	if p == nil || !p.narrowed {
		return all, false
	}
	recipients = among(all, p.recipients)
	return recipients, len(recipients) < len(all)
}

// isNarrow reports whether m, or what Prepare makes of it, goes to fewer than its lists hold.
func (m *Message) isNarrow() bool {
	if m.IsPrepared() {
		return m.prepared.narrowed
	}
	_, fewer := m.prepared.narrow(uniqueRecipients(m.To, m.Cc, m.Bcc))
	return fewer
}

// among returns those of all, which are unique, that are in kept; it compares as
// uniqueRecipients does.
func among(all, kept []string) []string {
	wanted := make(map[string]bool, len(kept))
	for _, a := range kept {
		wanted[envelopeKey(a)] = true
	}
	some := make([]string, 0, min(len(all), len(wanted)))
	for _, a := range all {
		if wanted[envelopeKey(a)] {
			some = append(some, a)
		}
	}
	return slices.Clip(some)
}
