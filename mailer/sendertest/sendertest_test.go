package sendertest

import (
	"os"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
)

// TestCasesPass runs every case on a sender that keeps the rules, whatever it or its
// provider lacks.
func TestCasesPass(t *testing.T) {
	few := mailer.FeatureRaw | mailer.FeatureUTF8 | mailer.FeatureDSN
	for name, c := range map[string]struct{ sender, provider mailer.Feature }{
		"nothing lacks":               {0, 0},
		"sender lacks a few":          {few, 0},
		"sender lacks the advisory":   {mailer.Advisory, 0},
		"sender lacks all":            {mailer.Essential | mailer.Advisory, 0},
		"provider lacks a few":        {0, few},
		"provider lacks the advisory": {mailer.FeatureRaw, mailer.Advisory},
	} {
		t.Run(name, func(t *testing.T) {
			for _, testCase := range cases() {
				rec := try(t, testCase, func(t testing.TB) Harness {
					h := memoryHarness(c.sender, nil)(t)
					h.Lacks = c.provider
					h.Provider.(*memoryProvider).lacks = c.provider
					return h
				})
				for _, report := range rec.reports {
					t.Errorf("%s: %s", testCase, report)
				}
				if rec.skipped != "" && c.sender&mailer.FeatureAttachments == 0 {
					t.Errorf("%s is skipped: %s", testCase, rec.skipped)
				}
			}
		})
	}
}

// TestRun runs the suite as adapters do, in real time.
func TestRun(t *testing.T) {
	Run(t, memoryHarness(0, nil))
}

// TestQuotes compares what failures quote with the source of the contract.
func TestQuotes(t *testing.T) {
	var source strings.Builder
	for _, name := range []string{"sender.go", "receipt.go", "outcome.go", "senderror.go", "message.go", "gate.go", "capabilities.go"} {
		text, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	words := strings.Join(strings.Fields(strings.ReplaceAll(source.String(), "//", " ")), " ")
	for i, text := range rules[1:] {
		if !strings.Contains(words, text) {
			t.Errorf("rule %d is not in the contract: %s", i+1, text)
		}
	}
	for _, doc := range []string{
		docRecipients, docOneResult, docRollUp, docAttempts, docScope, docProtocol, docRetryAfter, docSentinels,
		docMessageID, docKey, docPhase, docCommitBy, docInvalid, docAllOrNone, docEnvelope, docNamed, docParent, docClose,
	} {
		if !strings.Contains(words, doc) {
			t.Errorf("not in the contract: %s", doc)
		}
	}
}

// TestHarnessIsChecked gives harnesses that would weaken the suite.
func TestHarnessIsChecked(t *testing.T) {
	whole := memoryHarness(0, nil)
	for name, spoil := range map[string]func(*Harness){
		"no sender":             func(h *Harness) { h.Sender = nil },
		"no provider":           func(h *Harness) { h.Provider = nil },
		"core fault":            func(h *Harness) { h.NotApplicable = map[Fault]string{ReplyLost: "it is hard to fake"} },
		"fault without reason":  func(h *Harness) { h.NotApplicable = map[Fault]string{RateLimitedFor: ""} },
		"fault that is unknown": func(h *Harness) { h.NotApplicable = map[Fault]string{faultCount: "new"} },
	} {
		t.Run(name, func(t *testing.T) {
			rec := try(t, testCase{1, "nothing", func(*scene) {}}, func(t testing.TB) Harness {
				h := whole(t)
				spoil(&h)
				return h
			})
			if len(rec.reports) == 0 {
				t.Error("the harness was taken")
			}
		})
	}
}

func TestNotApplicableSkips(t *testing.T) {
	for _, c := range cases() {
		if c.name != "rate_limited_for" {
			continue
		}
		rec := try(t, c, func(t testing.TB) Harness {
			h := memoryHarness(0, nil)(t)
			h.NotApplicable = map[Fault]string{RateLimitedFor: "the protocol has no field for it"}
			return h
		})
		if !strings.Contains(rec.skipped, "no field for it") || len(rec.reports) > 0 {
			t.Errorf("skipped with %q, reports %q", rec.skipped, rec.reports)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, f := range Faults() {
		v := f.Verdict()
		if f.String() == "" || (v.Outcome == mailer.Accepted) != (len(v.Scopes) == 0) || v.Outcome == mailer.NotAccepted && v.Copies != 0 {
			t.Errorf("%d %s: verdict %+v", f, f, v)
		}
	}
	if got := faultCount.String(); got != "Fault(17)" {
		t.Errorf("an unknown fault is %q", got)
	}
}
