package mailertest_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/mailertest"
)

// TestNarrowed: what is kept of a narrow message is narrow, also where its contents
// were read into memory, and no result is about anybody else.
func TestNarrowed(t *testing.T) {
	const left = "bob@example.org"
	m := message(0)
	m.Attachments = []mailer.Attachment{{Name: "a", Content: mailer.Opener(1, func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("x")), nil
	})}}
	narrow, err := mailer.Narrow(m, []string{left})
	if err != nil {
		t.Fatal(err)
	}
	kept := func(d double) []mailertest.Copy {
		switch d := d.(type) {
		case *mailertest.Script:
			return d.Kept()
		case *mailertest.Flaky:
			return d.Kept()
		case *mailertest.Recorder:
			return []mailertest.Copy{{Message: d.Last(), Recipients: d.Last().Recipients()}}
		}
		return nil
	}
	for kind, d := range doubles(mailertest.Profile{}) {
		receipt, err := d.Send(t.Context(), narrow)
		if err != nil || len(receipt.Recipients) != 1 || receipt.Recipients[0].Address != left {
			t.Fatalf("%s: %+v, %v", kind, receipt, err)
		}
		got := kept(d)
		if len(got) != 1 || !slices.Equal(got[0].Recipients, []string{left}) || !slices.Equal(got[0].Message.Recipients(), []string{left}) {
			t.Fatalf("%s has %+v", kind, got)
		}
		if len(got[0].Message.To) != 1 || len(got[0].Message.Cc) != 1 || got[0].Message.MessageID != m.MessageID {
			t.Errorf("%s: it is another message, %+v", kind, got[0].Message)
		}
	}
	for kind, d := range doubles(mailertest.Profile{Lacks: mailer.FeatureEnvelope}) {
		if receipt, err := d.Send(t.Context(), narrow); receipt != nil || !errors.Is(err, mailer.ErrUnsupported) || !mailer.AsSendError(err).Elsewhere {
			t.Errorf("%s: lacks it, and returns %v, %v", kind, receipt, err)
		}
	}
}
