package mailertest

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mailkeel/mailkeel/mailer"
)

// inMemory returns m with all of its content read, as a provider has it: it stays
// readable when files are gone and readers used up.
func inMemory(m *mailer.Message) (*mailer.Message, error) {
	if m.Raw.IsZero() && len(m.Attachments)+len(m.Alternatives) == 0 {
		return m, nil
	}
	c := *m
	c.Attachments, c.Alternatives = slices.Clone(m.Attachments), slices.Clone(m.Alternatives)
	for i := range c.Attachments {
		if err := load(&c.Attachments[i].Content); err != nil {
			return nil, fmt.Errorf("attachment %d: %w", i, err)
		}
	}
	for i := range c.Alternatives {
		if err := load(&c.Alternatives[i].Content); err != nil {
			return nil, fmt.Errorf("alternative %d: %w", i, err)
		}
	}
	if !c.Raw.IsZero() {
		if err := load(&c.Raw); err != nil {
			return nil, fmt.Errorf("raw message: %w", err)
		}
	}
	return mailer.Prepare(&c)
}

func load(c *mailer.Content) error {
	want, err := c.Size()
	if err != nil {
		return err
	}
	r, err := c.Open()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if want >= 0 && int64(len(data)) != want {
		return fmt.Errorf("has %d bytes, want %d", len(data), want)
	}
	*c = mailer.Bytes(data)
	return nil
}
