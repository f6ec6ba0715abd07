package parsing

import (
	"io"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

func readMailkeelAlone(raw []byte) (Reading, error) {
	m, err := eml.Parse(mailer.Bytes(raw))
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Subject: m.Subject, Text: len(m.Text), HTML: len(m.HTML), Files: len(m.Attachments)}
	for _, a := range m.Attachments {
		size, err := a.Content.Size()
		if err != nil {
			return r, err
		}
		r.FileBytes += size
	}
	return r, nil
}

// readMailkeel also reads every attachment, as a send does.
func readMailkeel(raw []byte) (Reading, error) {
	m, err := eml.Parse(mailer.Bytes(raw))
	if err != nil {
		return Reading{}, err
	}
	r := Reading{Subject: m.Subject, Text: len(m.Text), HTML: len(m.HTML), Files: len(m.Attachments)}
	for _, a := range m.Attachments {
		n, err := readThrough(a.Content)
		if err != nil {
			return r, err
		}
		r.FileBytes += n
	}
	return r, nil
}

func readThrough(c mailer.Content) (int64, error) {
	f, err := c.Open()
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return n, err
}
