package apimail_test

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/apimail"
	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/mailer"
)

// sized is a content of that many bytes, which nobody may read.
func sized(n int64) mailer.Content {
	return mailer.Opener(n, func() (io.ReadCloser, error) { return nil, errors.New("it was read") })
}

// unsized does not know its size.
func unsized() mailer.Content { return mailer.Reader(strings.NewReader("a")) }

// attached is a message with attachments of those sizes.
func attached(sizes ...int64) *mailer.Message {
	m := &mailer.Message{}
	for _, n := range sizes {
		m.Attachments = append(m.Attachments, mailer.Attachment{Content: sized(n)})
	}
	return m
}

// alternative is a message with alternatives of those sizes.
func alternative(sizes ...int64) *mailer.Message {
	m := &mailer.Message{}
	for _, n := range sizes {
		m.Alternatives = append(m.Alternatives, mailer.Alternative{Content: sized(n)})
	}
	return m
}

// TestCheckSize: what is exactly as large as allowed is taken, and a byte more is for another provider.
func TestCheckSize(t *testing.T) {
	for name, c := range map[string]struct {
		msg   *mailer.Message
		total int64
	}{
		"nothing":                   {&mailer.Message{}, 0},
		"text":                      {&mailer.Message{Text: "abc"}, 3},
		"HTML":                      {&mailer.Message{HTML: "é"}, 2},
		"text and HTML":             {&mailer.Message{Text: "abc", HTML: "abcd"}, 7},
		"alternatives":              {alternative(5, 6), 11},
		"empty attachment":          {attached(0), 0},
		"one byte":                  {attached(1), 4},
		"two":                       {attached(2), 4},
		"three":                     {attached(3), 4},
		"four":                      {attached(4), 8},
		"two attachments":           {attached(1, 1), 8},
		"30 MB":                     {attached(30_000_000), 40_000_000},
		"all":                       {&mailer.Message{Text: "a", HTML: "bc", Alternatives: alternative(3).Alternatives, Attachments: attached(6).Attachments}, 14},
		"headers are not counted":   {&mailer.Message{Subject: "abc", Text: "a"}, 1},
		"many of the largest there": {attached(repeat(1<<40, 1000)...), 1000 * ((1<<40 + 2) / 3 * 4)},
	} {
		if err := apimail.CheckSize(c.msg, c.total); err != nil {
			t.Errorf("%s: %v, though it has %d bytes", name, err, c.total)
		}
		if limit := c.total - 1; limit >= 0 {
			err := apimail.CheckSize(c.msg, limit)
			if !errors.Is(err, mailer.ErrUnsupported) || errors.Is(err, httpapi.ErrSource) || !strings.Contains(err.Error(), "bytes, more than") {
				t.Errorf("%s, %d bytes with a limit of %d: %v", name, c.total, limit, err)
			}
		}
	}
}

func repeat(n int64, times int) []int64 {
	all := make([]int64, times)
	for i := range all {
		all[i] = n
	}
	return all
}

// TestCheckSizeNames: an error says which content it is about, and whose fault it is.
func TestCheckSizeNames(t *testing.T) {
	unknown := mailer.Message{Attachments: []mailer.Attachment{{Content: sized(1)}, {Content: unsized()}}}
	missing := mailer.Message{Alternatives: []mailer.Alternative{{Content: mailer.File(t.TempDir() + "/secret")}}}
	for name, c := range map[string]struct {
		msg  *mailer.Message
		is   error
		text string
	}{
		"attachment too large":  {attached(1, 101), mailer.ErrUnsupported, "a content of 101 bytes, more than 100 (Attachments[1])"},
		"alternative too large": {alternative(1, 2, 103), mailer.ErrUnsupported, "a content of 103 bytes, more than 100 (Alternatives[2])"},
		"too large together":    {attached(50, 50), mailer.ErrUnsupported, "contents of 136 bytes, more than 100"},
		"unknown size":          {&unknown, httpapi.ErrSource, "it is of unknown size (Attachments[1])"},
		"missing":               {&missing, fs.ErrNotExist, "(Alternatives[0])"},
		"absent":                {&mailer.Message{Attachments: make([]mailer.Attachment, 1)}, httpapi.ErrSource, "(Attachments[0])"},
	} {
		err := apimail.CheckSize(c.msg, 100)
		if !errors.Is(err, c.is) || !strings.HasSuffix(err.Error(), c.text) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %q, want %q and %v", name, err, c.text, c.is)
		}
		if errors.Is(err, mailer.ErrUnsupported) == errors.Is(err, httpapi.ErrSource) {
			t.Errorf("%s: %v is of the provider and of the content, or of none", name, err)
		}
	}
}

func TestSizeOf(t *testing.T) {
	for _, c := range []struct {
		content mailer.Content
		most    int64
		want    int64
		is      error
	}{
		{sized(0), 0, 0, nil}, {sized(10), 10, 10, nil}, {sized(11), 10, 0, mailer.ErrUnsupported}, {sized(1), 0, 0, mailer.ErrUnsupported},
		{sized(math.MaxInt64), 10, 0, mailer.ErrUnsupported}, {mailer.Bytes([]byte("abc")), 10, 3, nil},
		{unsized(), 10, 0, httpapi.ErrSource}, {mailer.Content{}, 10, 0, httpapi.ErrSource}, {sized(-1), 10, 0, httpapi.ErrSource},
	} {
		if got, err := apimail.SizeOf(c.content, c.most); got != c.want || !errors.Is(err, c.is) {
			t.Errorf("limit %d: got %d, %v; want %d, %v", c.most, got, err, c.want, c.is)
		}
	}
}

func TestErrors(t *testing.T) {
	if err := apimail.Unsupported("a %s of %d", "tag", 3); !errors.Is(err, mailer.ErrUnsupported) || !strings.HasSuffix(err.Error(), ": a tag of 3") {
		t.Errorf("got %v", err)
	}
	err := apimail.SourceError(&fs.PathError{Op: "open", Path: "/home/ann", Err: fs.ErrPermission})
	if !errors.Is(err, httpapi.ErrSource) || !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "/home") {
		t.Errorf("got %v", err)
	}
}
