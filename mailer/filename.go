package mailer

import (
	"errors"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

const maxFileName = 255

// safeFileName keeps what follows the last slash or backslash, without characters
// that are not shown or reorder others, and at most 255 bytes of it, its ending kept.
func safeFileName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if isControl(r) || isBidi(r) {
			return -1
		}
		return r
	}, name)
	if name == "." || name == ".." {
		return ""
	}
	if len(name) <= maxFileName {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > 32 {
		ext = ""
	}
	cut := maxFileName - len(ext)
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + ext
}

// typesByExtension is fixed, because mime.TypeByExtension depends on the machine, and
// the same message must not differ from one to the next.
var typesByExtension = map[string]string{
	".avif": "image/avif", ".bmp": "image/bmp", ".css": "text/css", ".csv": "text/csv",
	".doc":  "application/msword",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".eml":  "application/octet-stream", ".gif": "image/gif", ".gz": "application/gzip",
	".htm": "text/html", ".html": "text/html", ".ics": "text/calendar",
	".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".json": "application/json", ".md": "text/markdown",
	".mp3": "audio/mpeg", ".mp4": "video/mp4", ".pdf": "application/pdf", ".png": "image/png",
	".ppt":  "application/vnd.ms-powerpoint",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".rtf":  "application/rtf", ".svg": "image/svg+xml", ".tar": "application/x-tar",
	".tif": "image/tiff", ".tiff": "image/tiff", ".txt": "text/plain", ".vcf": "text/vcard",
	".wav": "audio/wav", ".webp": "image/webp",
	".xls":  "application/vnd.ms-excel",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xml":  "application/xml", ".zip": "application/zip",
}

func typeOfName(name string) string {
	if t, known := typesByExtension[strings.ToLower(path.Ext(name))]; known {
		return t
	}
	return "application/octet-stream"
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// pathless drops the path from a file error and the address from one of a URL, which
// may be signed: where content lies is nobody's business who reads the error of a send.
func pathless(err error) error {
	var p *fs.PathError
	var u *url.Error
	switch {
	case errors.As(err, &p):
		return p.Err
	case errors.As(err, &u):
		return u.Err
	}
	return err
}
