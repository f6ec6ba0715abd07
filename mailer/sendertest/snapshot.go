package sendertest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/mailkeel/mailkeel/mailer"
)

// A snapshot is a copy of a message with everything it refers to: slices up to their
// capacity, because an append to a caller's slice writes there, and maps. Of a
// Content only what it says about itself is kept.
type snapshot struct {
	msg      *mailer.Message
	contents []string
}

func takeSnapshot(msg *mailer.Message) snapshot {
	if msg == nil {
		return snapshot{}
	}
	var s snapshot
	c := *msg
	for _, list := range []*[]mailer.Address{&c.To, &c.Cc, &c.Bcc, &c.ReplyTo} {
		*list = whole(*list)
	}
	c.Headers, c.Tags = whole(c.Headers), whole(c.Tags)
	c.Metadata, c.ProviderOptions = maps.Clone(c.Metadata), maps.Clone(c.ProviderOptions)
	if c.Template != nil {
		t := *c.Template
		t.Data = maps.Clone(t.Data)
		c.Template = &t
	}
	// Functions within a Content compare as different from themselves.
	describe := func(content *mailer.Content) {
		s.contents = append(s.contents, content.String())
		*content = mailer.Content{}
	}
	c.Attachments, c.Alternatives = whole(c.Attachments), whole(c.Alternatives)
	for i := range c.Attachments {
		describe(&c.Attachments[i].Content)
	}
	for i := range c.Alternatives {
		describe(&c.Alternatives[i].Content)
	}
	describe(&c.Raw)
	s.msg = &c
	return s
}

// whole returns a copy of list with all of its capacity.
func whole[S ~[]E, E any](list S) S { return slices.Clone(list[:cap(list)]) }

// diff names the field in which msg is not as it was, or returns "".
func (s snapshot) diff(msg *mailer.Message) string {
	now := takeSnapshot(msg)
	if s.msg == nil || now.msg == nil {
		return ""
	}
	then, after := reflect.ValueOf(*s.msg), reflect.ValueOf(*now.msg)
	for i := range then.NumField() {
		field := then.Type().Field(i)
		if field.IsExported() && !reflect.DeepEqual(then.Field(i).Interface(), after.Field(i).Interface()) {
			return fmt.Sprintf("%s from %v to %v", field.Name, then.Field(i), after.Field(i))
		}
	}
	if !slices.Equal(s.contents, now.contents) {
		return fmt.Sprintf("the contents from %q to %q", s.contents, now.contents)
	}
	return ""
}
