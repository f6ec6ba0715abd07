package outage

import (
	"errors"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// late is what no caller should have to wait.
const late = time.Second

// An Account is what became of a run's messages. The servers' word counts for what was delivered.
type Account struct {
	P50, P99, Max time.Duration
	// Late messages took more than a second, for whatever reason; Waited are those of them that
	// the primary had taken.
	Late, Waited int
	// AtPrimary and AtBackup are copies; Duplicates are messages with more than one, Lost
	// those with none.
	AtPrimary, AtBackup, Duplicates, Lost int
	// Unknown are messages whose sender was told so, Wrong those whose sender was told what the
	// servers contradict.
	Unknown, Wrong int
	// Tried are messages that were tried at the primary, Probes those of them that came after one which
	// was not: by then the contender knew better.
	Tried, Probes int
}

// copies counts what a provider has taken, by recipient.
func copies(p *provider) map[string]int {
	count := make(map[string]int)
	if p.truth == nil {
		return count
	}
	for _, m := range p.truth.Messages() {
		for _, address := range m.Addresses() {
			count[address]++
		}
	}
	return count
}

func account(sends []send, tried map[string]bool, primary, backup map[string]int) *Account {
	a := &Account{}
	took := make([]time.Duration, len(sends))
	turnedAway := false
	for i, s := range sends {
		took[i] = s.took
		a.addTruth(s, primary[s.recipient], backup[s.recipient])
		switch {
		case !tried[s.recipient]:
			turnedAway = true
		case turnedAway:
			a.Probes++
		}
	}
	a.Tried = len(tried)
	slices.Sort(took)
	a.P50, a.P99, a.Max = percentile(took, 50), percentile(took, 99), percentile(took, 100)
	return a
}

func (a *Account) addTruth(s send, primary, backup int) {
	a.AtPrimary += primary
	a.AtBackup += backup
	switch primary + backup {
	case 0:
		a.Lost++
	case 1:
	default:
		a.Duplicates++
	}
	if s.took > late {
		a.Late++
		a.Waited += min(primary, 1)
	}
	switch outcome := told(s.err); {
	case outcome == mailer.Unknown:
		a.Unknown++
	case (outcome == mailer.Accepted) != (primary+backup > 0):
		a.Wrong++
	}
}

// told is the outcome that an error of Send stands for.
func told(err error) mailer.Outcome {
	if err == nil {
		return mailer.Accepted
	}
	var failed *mailer.SendError
	if errors.As(err, &failed) {
		return failed.Outcome
	}
	return mailer.Unknown
}

// percentile takes the nearest rank of sorted durations.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*p+99)/100-1]
}
