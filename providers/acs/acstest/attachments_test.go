package acstest

import (
	"net/http"
	"slices"
	"testing"
)

const (
	text   = `{"name":"a.txt","contentType":"text/plain","contentInBase64":"aGk="}`
	binary = `{"name":"a.exe","contentType":"application/x-msdownload","contentInBase64":"aGk="}`
	inline = `{"name":"a.png","contentType":"image/png","contentInBase64":"aGk=","contentId":"logo"}`
)

func TestAttachmentsRefused(t *testing.T) {
	s := Start(t, Config{})
	const first = "attachments[0]."
	for _, tt := range []struct{ name, list, target string }{
		{"no name", `{"contentType":"text/plain","contentInBase64":"aGk="}`, first + "name"},
		{"no type", `{"name":"a.txt","contentInBase64":"aGk="}`, first + "contentType"},
		{"no content", `{"name":"a.txt","contentType":"text/plain"}`, first + "contentInBase64"},
		{"empty content", `{"name":"a.txt","contentType":"text/plain","contentInBase64":""}`, first + "contentInBase64"},
		{"content_id", `{"name":"a.txt","contentType":"text/plain","contentInBase64":"aGk=","content_id":"x"}`, first + "content_id"},
		{"no padding", `{"name":"a.txt","contentType":"text/plain","contentInBase64":"aGk"}`, first + "contentInBase64"},
		{"stray bits", `{"name":"a.txt","contentType":"text/plain","contentInBase64":"aGl="}`, first + "contentInBase64"},
		{"base64 with line breaks", `{"name":"a.txt","contentType":"text/plain","contentInBase64":"aG\r\nk="}`, first + "contentInBase64"},
		{"base64 for URLs", `{"name":"a.txt","contentType":"text/plain","contentInBase64":"_-8="}`, first + "contentInBase64"},
		{"path", `{"name":"../a.txt","contentType":"text/plain","contentInBase64":"aGk="}`, first + "name"},
		{"type", `{"name":"a.txt","contentType":"application/octet-stream","contentInBase64":"aGk="}`, first + "contentType"},
		{"type with a parameter", `{"name":"a.txt","contentType":"text/plain; charset=utf-8","contentInBase64":"aGk="}`, first + "contentType"},
		{"extension", `{"name":"a.exe","contentType":"text/plain","contentInBase64":"aGk="}`, first + "contentType"},
		{"no extension", `{"name":"txt","contentType":"text/plain","contentInBase64":"aGk="}`, first + "contentType"},
		{"empty content id", `{"name":"a.png","contentType":"image/png","contentInBase64":"aGk=","contentId":""}`, first + "contentId"},
		{"content id in brackets", `{"name":"a.png","contentType":"image/png","contentInBase64":"aGk=","contentId":"<x>"}`, first + "contentId"},
		{"content id twice", inline + `,` + inline, "attachments[1].contentId"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := send(t, s, with(t, `"attachments":[`+tt.list+`]`))
			if targets := g.targets(t); g.status != http.StatusBadRequest || !slices.Equal(targets, []string{tt.target}) {
				t.Errorf("%d %s, want %s", g.status, g.body, tt.target)
			}
		})
	}
}

func TestAllowedTypes(t *testing.T) {
	for _, tt := range []struct {
		name, contentType string
		want              bool
	}{
		{"a.pdf", "application/pdf", true},
		{"a.tar.GZ", "Application/GZip", true},
		{"a.jpeg", "image/png", true},
		{"a.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", true},
		{"a.docm", "application/vnd.ms-word.document.macroEnabled.12", true},
		{"a.html", "text/html", false},
		{"a.pdf", "pdf", false},
		{"a.pdf", "application", false},
		{"application/pdf", "application/pdf", false},
		{"a.", "application/pdf", false},
	} {
		if got := isAllowed(Attachment{Name: tt.name, ContentType: tt.contentType}); got != tt.want {
			t.Errorf("%s %s: %t", tt.name, tt.contentType, got)
		}
	}
}

// TestControls: what is refused otherwise is taken with the header that says so.
func TestControls(t *testing.T) {
	for _, tt := range []struct {
		name, list, control string
		held                int
		dropped             []string
	}{
		{"invalid attachment", binary + `,` + text, suppressInvalidAttachment, 1, []string{"a.exe"}},
		{"duplicate content id", inline + `,` + inline, ignoreDuplicateContentID, 2, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Start(t, Config{})
			for _, value := range []string{"", "false", "true"} {
				headers := `"headers":{"` + tt.control + `":"` + value + `"},`
				if value == "" {
					headers = ""
				}
				want := http.StatusBadRequest
				if value == "true" {
					want = http.StatusAccepted
				}
				if g := send(t, s, with(t, headers+`"attachments":[`+tt.list+`]`)); g.status != want {
					t.Errorf("%q: %d %s", value, g.status, g.body)
				}
			}
			m := s.Messages()
			if len(m) != 1 || len(m[0].Attachments) != tt.held || !slices.Equal(m[0].DroppedAttachments, tt.dropped) {
				t.Errorf("held %+v", m)
			}
		})
	}
}

// TestInlineByVersion: contentId came with the second version.
func TestInlineByVersion(t *testing.T) {
	s := Start(t, Config{})
	body := with(t, `"attachments":[`+inline+`]`)
	for version, want := range map[string]int{"2023-03-31": http.StatusBadRequest, "2025-09-01": http.StatusAccepted} {
		if g := call(t, s, http.MethodPost, "/emails:send?api-version="+version, body, nil); g.status != want {
			t.Errorf("%s: %d %s", version, g.status, g.body)
		}
	}
}
