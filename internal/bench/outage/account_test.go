package outage

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func failedWith(o mailer.Outcome) error {
	return &mailer.SendError{Outcome: o, Err: errors.New("failed")}
}

func TestAccountOfOneSend(t *testing.T) {
	const soon = 10 * time.Millisecond
	for _, row := range []struct {
		name            string
		took            time.Duration
		err             error
		primary, backup int
		want            Account
	}{
		{"accepted by the primary", soon, nil, 1, 0, Account{AtPrimary: 1}},
		{"accepted by the backup", soon, nil, 0, 1, Account{AtBackup: 1}},
		{"accepted by both", 2 * time.Second, nil, 1, 1, Account{AtPrimary: 1, AtBackup: 1, Duplicates: 1, Late: 1, Waited: 1}},
		{"twice by one", soon, nil, 2, 0, Account{AtPrimary: 2, Duplicates: 1}},
		{"late through the backup", 2 * time.Second, nil, 0, 1, Account{AtBackup: 1, Late: 1}},
		{"unknown, and there", soon, failedWith(mailer.Unknown), 1, 0, Account{AtPrimary: 1, Unknown: 1}},
		{"unknown, and not there", soon, failedWith(mailer.Unknown), 0, 0, Account{Lost: 1, Unknown: 1}},
		{"an error without a verdict", soon, errNoRoute, 0, 0, Account{Lost: 1, Unknown: 1}},
		{"refused", soon, failedWith(mailer.NotAccepted), 0, 0, Account{Lost: 1}},
		{"refused, but there", soon, failedWith(mailer.NotAccepted), 1, 0, Account{AtPrimary: 1, Wrong: 1}},
		{"accepted, but not there", soon, nil, 0, 0, Account{Lost: 1, Wrong: 1}},
	} {
		var got Account
		got.addTruth(send{"r", row.took, row.err}, row.primary, row.backup)
		if !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: got %+v, want %+v", row.name, got, row.want)
		}
	}
}

func TestProbesFollowAMessageThatPassedBy(t *testing.T) {
	sends := []send{{recipient: "a"}, {recipient: "b"}, {recipient: "c"}, {recipient: "d"}}
	for _, row := range []struct {
		name   string
		tried  []string
		probes int
	}{
		{"never turned away", []string{"a", "b", "c", "d"}, 0},
		{"turned away for good", []string{"a", "b"}, 0},
		{"and came back", []string{"a", "c", "d"}, 2},
		{"never there", nil, 0},
	} {
		tried := make(map[string]bool)
		for _, recipient := range row.tried {
			tried[recipient] = true
		}
		if a := account(sends, tried, nil, nil); a.Probes != row.probes || a.Tried != len(row.tried) {
			t.Errorf("%s: %d tried, %d probes, want %d and %d", row.name, a.Tried, a.Probes, len(row.tried), row.probes)
		}
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, row := range []struct {
		sorted []time.Duration
		p      int
		want   time.Duration
	}{
		{nil, 50, 0}, {hundred[:1], 99, 1}, {hundred[:2], 50, 1}, {hundred, 50, 50}, {hundred, 99, 99}, {hundred, 100, 100},
	} {
		if got := percentile(row.sorted, row.p); got != row.want {
			t.Errorf("percentile %d of %d: %v, want %v", row.p, len(row.sorted), got, row.want)
		}
	}
}
