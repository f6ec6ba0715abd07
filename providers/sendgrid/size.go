package sendgrid

import (
	"errors"
	"fmt"

	"github.com/mailkeel/mailkeel/mailer"
)

// size refuses what is too large, before any of it is read. The JSON around it is not counted yet.
func (b *body) size() error {
	m := b.msg
	total := int64(len(m.Text)) + int64(len(m.HTML))
	for i := range m.Alternatives {
		size, err := sizeOf(m.Alternatives[i].Content)
		if err != nil {
			return fmt.Errorf("%w (Alternatives[%d])", err, i)
		}
		total += size
	}
	for i := range m.Attachments {
		size, err := sizeOf(m.Attachments[i].Content)
		if err != nil {
			return fmt.Errorf("%w (Attachments[%d])", err, i)
		}
		total += (size + 2) / 3 * 4 // RFC 4648 section 4
	}
	if total > maxMessageBytes {
		return unsupported("contents of %d bytes, more than %d", total, int64(maxMessageBytes))
	}
	return nil
}

// sizeOf returns a size of which many can be added up.
func sizeOf(c mailer.Content) (int64, error) {
	size, err := c.Size()
	switch {
	case err != nil:
		return 0, sourceError(err)
	case size < 0:
		return 0, sourceError(errors.New("it is of unknown size"))
	case size > maxMessageBytes:
		return 0, unsupported("a content of %d bytes, more than %d", size, int64(maxMessageBytes))
	}
	return size, nil
}
