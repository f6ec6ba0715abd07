package eml

import (
	"cmp"
	"io"
	"net/url"
	"strings"

	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/entity"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/refuse"
)

// file notes that p becomes an attachment.
func (a *assembler) file(p *entity.Part, related bool) error {
	c, err := a.lazy(p)
	a.files = append(a.files, file{p, c, related})
	return err
}

// attach makes the files that were found attachments.
func (a *assembler) attach() {
	referred := a.referred()
	for i := range a.files {
		f := &a.files[i]
		t := mailer.Attachment{Name: f.part.FileName, ContentType: f.part.FileContentType(), Content: f.content}
		if id := f.part.ContentID; id != "" && f.isInline(referred[id]) {
			t.ContentID = id
		}
		a.m.Attachments = append(a.m.Attachments, t)
	}
}

// isInline reports whether a file with a Content-ID is shown within the body. Programs give an ID to every
// attachment, so that alone says nothing.
func (f *file) isInline(referred bool) bool {
	switch f.part.Disposition {
	case "attachment":
		return referred
	case "inline":
		return true
	}
	return referred || f.related
}

// referred returns the Content-IDs of files, with whether HTML refers to them as cid: URLs (RFC 2392).
func (a *assembler) referred() map[string]bool {
	ids := make(map[string]bool)
	for i := range a.files {
		if id := a.files[i].part.ContentID; id != "" {
			ids[id] = false
		}
	}
	if len(ids) == 0 {
		return ids
	}
	for _, text := range a.htmlTexts {
		markReferences(ids, text)
	}
	return ids
}

// markReferences marks those of ids that stand in text after "cid:", as they are or with percent signs.
func markReferences(ids map[string]bool, text string) {
	for {
		i := strings.IndexByte(text, ':')
		if i < 0 {
			return
		}
		scheme := text[max(0, i-len("cid")):i]
		text = text[i+1:]
		if !strings.EqualFold(scheme, "cid") {
			continue
		}
		id := text[:min(len(text), maxLine)]
		if end := strings.IndexAny(id, "\"'<>):; \t\r\n"); end >= 0 {
			id = id[:end]
		}
		if plain, err := url.PathUnescape(id); err == nil {
			id = plain
		}
		if _, known := ids[id]; known {
			ids[id] = true
		}
	}
}

// lazy returns the decoded body of p as a Content that reads it from the message when it is opened.
func (a *assembler) lazy(p *entity.Part) (mailer.Content, error) {
	size, err := a.bodies.Size(p)
	if err != nil {
		return mailer.Content{}, refuse.Of(p.Path+":", err)
	}
	src, whole := a.src, a.size
	return mailer.Opener(size, func() (io.ReadCloser, error) {
		if now, err := src.Size(); err != nil || now != whole {
			return nil, cmp.Or(err, exact.ErrOther)
		}
		return entity.Open(src, p)
	}), nil
}
