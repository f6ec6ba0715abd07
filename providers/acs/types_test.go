package acs

import (
	"strings"
	"testing"
)

// listed is the page's table: extensions, then types, as they are written there.
var listed = []struct{ extensions, types string }{
	{".3gp", "video/3gpp"},
	{".3g2", "video/3gpp2"},
	{".7z", "application/x-7z-compressed"},
	{".aac", "audio/aac"},
	{".avi", "video/x-msvideo"},
	{".bmp", "image/bmp"},
	{".csv", "text/csv"},
	{".doc", "application/msword"},
	{".docm", "application/vnd.ms-word.document.macroEnabled.12"},
	{".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{".eot", "application/vnd.ms-fontobject"},
	{".epub", "application/epub+zip"},
	{".gif", "image/gif"},
	{".gz", "application/gzip"},
	{".ico", "image/vnd.microsoft.icon"},
	{".ics", "text/calendar"},
	{".jpg .jpeg", "image/jpeg"},
	{".json", "application/json"},
	{".mid .midi", "audio/midi"},
	{".mp3", "audio/mpeg"},
	{".mp4", "video/mp4"},
	{".mpeg", "video/mpeg"},
	{".oga", "audio/ogg"},
	{".ogv", "video/ogg"},
	{".ogx", "application/ogg"},
	{".one", "application/onenote"},
	{".opus", "audio/opus"},
	{".otf", "font/otf"},
	{".pdf", "application/pdf"},
	{".png", "image/png"},
	{".ppsm", "application/vnd.ms-powerpoint.slideshow.macroEnabled.12"},
	{".ppsx", "application/vnd.openxmlformats-officedocument.presentationml.slideshow"},
	{".ppt", "application/vnd.ms-powerpoint"},
	{".pptm", "application/vnd.ms-powerpoint.presentation.macroEnabled.12"},
	{".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{".pub", "application/vnd.ms-publisher"},
	{".rar", "application/x-rar-compressed"},
	{".rpmsg", "application/vnd.ms-outlook"},
	{".rtf", "application/rtf"},
	{".svg", "image/svg+xml"},
	{".tar", "application/x-tar"},
	{".tif .tiff", "image/tiff"},
	{".ttf", "font/ttf"},
	{".txt", "text/plain"},
	{".vsd", "application/vnd.visio"},
	{".wav", "audio/wav"},
	{".weba", "audio/webm"},
	{".webm", "video/webm"},
	{".webp", "image/webp"},
	{".wma", "audio/x-ms-wma"},
	{".wmv", "video/x-ms-wmv"},
	{".woff", "font/woff"},
	{".woff2", "font/woff2"},
	{".xls", "application/vnd.ms-excel"},
	{".xlsb", "application/vnd.ms-excel.sheet.binary.macroEnabled.12"},
	{".xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"},
	{".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{".xml", "application/xml text/xml"},
	{".zip", "application/zip"},
}

func TestListedTypes(t *testing.T) {
	for _, row := range listed {
		for ext := range strings.FieldsSeq(row.extensions) {
			for mediaType := range strings.FieldsSeq(strings.ToLower(row.types)) {
				if err := checkType("report"+ext, mediaType); err != nil {
					t.Errorf("%s, %s: %v", ext, mediaType, err)
				}
			}
		}
	}
}

// No listed type or extension stands in for another, as by a prefix.
func TestNothingElseIsListed(t *testing.T) {
	for _, row := range listed {
		for ext := range strings.FieldsSeq(row.extensions) {
			for _, other := range []string{ext + "q", ext + "~", ext + ".exe"} {
				if err := checkType("report"+other, "text/plain"); err == nil {
					t.Errorf("%s is taken", other)
				}
			}
		}
		for mediaType := range strings.FieldsSeq(strings.ToLower(row.types)) {
			kind, format, _ := strings.Cut(mediaType, "/")
			for _, other := range []string{mediaType + "x", mediaType + "; a=b", "x" + mediaType, kind, kind + "/", "/" + format, "model/" + format} {
				if err := checkType("report.txt", other); err == nil {
					t.Errorf("%q is taken", other)
				}
			}
		}
	}
}

func TestCheckType(t *testing.T) {
	const (
		suffix = " is not on Azure's list of attachment types"
		bare   = "the name has no extension, by which Azure's list of attachment types goes"
	)
	for _, tt := range []struct{ name, mediaType, want string }{
		{"photo.jpg", "image/png", ""}, // different rows
		{"REPORT.PDF", "application/pdf", ""},
		{"archive.tar.gz", "application/gzip", ""},
		{".pdf", "application/pdf", ""},
		{"archive.zip", "application/x-zip-compressed", ""},
		{"photo.jpg", "image/jpg", ""},
		{"song.mp3", "audio/mp3", ""},
		{"song.wav", "audio/x-wav", ""},
		{"archive.rar", "application/vnd.rar", ""},
		{"log.gz", "application/x-gzip", ""},
		{"favicon.ico", "image/x-icon", ""},

		{"report", "application/pdf", bare},
		{"", "image/png", bare},
		{"report.", "application/pdf", bare},
		{"secret.exe", "application/pdf", "the extension .exe" + suffix},
		{"secret.EXE", "application/pdf", "the extension .exe" + suffix},
		{"secret.pdf.exe", "application/pdf", "the extension .exe" + suffix},
		{"secret.exe. .", "application/pdf", "the extension .exe" + suffix},
		{"secret.html", "text/plain", "the extension .html" + suffix},
		{"secret.numbers1", "text/plain", "the extension .numbers1" + suffix},
		{"secret.numbers12", "text/plain", "the name ends in an extension that" + suffix},
		{"Dr. secret", "text/plain", "the name ends in an extension that" + suffix},
		{"secret.\r\n", "text/plain", "the name ends in an extension that" + suffix},
		{"secret.żółć", "text/plain", "the name ends in an extension that" + suffix},
		{"secret.pdf", "application/x-msdownload", `the media type "application/x-msdownload"` + suffix},
		{"secret.zip", "application/octet-stream", `the media type "application/octet-stream"` + suffix},
		{"secret.js", "text/javascript", "the extension .js" + suffix},
		{"secret.txt", "text/javascript", `the media type "text/javascript"` + suffix},
		{"secret.pdf", "", `the media type ""` + suffix},
	} {
		got := ""
		if err := checkType(tt.name, tt.mediaType); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%q, %s: got %q, want %q", tt.name, tt.mediaType, got, tt.want)
		}
	}
}

// TestExtensions: a file without a name gets an extension of its type.
func TestExtensions(t *testing.T) {
	for _, row := range listed {
		for mediaType := range strings.FieldsSeq(strings.ToLower(row.types)) {
			if got := extensions[mediaType]; !strings.HasPrefix(got, ".") || checkType("a"+got, mediaType) != nil {
				t.Errorf("%s: got %q", mediaType, got)
			}
		}
	}
}

// What another name leads to is on the list, and what is on the list has no other name.
func TestListedType(t *testing.T) {
	for _, alias := range []string{
		"application/vnd.rar", "application/x-gzip", "application/x-zip-compressed",
		"audio/mp3", "audio/x-wav", "image/jpg", "image/x-icon",
	} {
		if name := listedType(alias); extensions[alias] != "" || extensions[name] == "" {
			t.Errorf("%s: got %s", alias, name)
		}
	}
	for _, row := range listed {
		for mediaType := range strings.FieldsSeq(row.types) {
			if got := listedType(mediaType); got != mediaType {
				t.Errorf("%s: got %s", mediaType, got)
			}
		}
	}
}
