package rawtest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/router"
)

// TestPortions: where a router may split recipients, a portion whose header shows others is refused, and nobody gets
// two copies.
func TestPortions(t *testing.T) {
	a := overACS(t, false)
	r, err := router.New(router.Config{Routes: []router.Route{{Name: "acs", Sender: a.sender}}, SplitRecipients: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(t.Context()) })
	recipients := []string{"bob@example.net"}
	for i := range 59 {
		recipients = append(recipients, fmt.Sprintf("blind%d@example.org", i))
	}
	m := under(asItIs, recipients...)
	receipt, err := r.Send(t.Context(), m)
	if e := mailer.AsSendError(err); e == nil || e.Outcome != mailer.PartlyAccepted {
		t.Fatalf("got %v", err)
	}
	all := a.arrived()
	if len(all) != 1 {
		t.Fatalf("%d messages", len(all))
	}
	var accepted []string
	for _, result := range receipt.Recipients {
		if result.Outcome == mailer.Accepted {
			accepted = append(accepted, result.Address)
		}
	}
	if got := append(specs(all[0].to), specs(all[0].bcc)...); len(got) != 50 || !slices.Equal(got, accepted) {
		t.Errorf("%d have a copy, %d are accepted", len(got), len(accepted))
	}
}
