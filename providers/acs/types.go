package acs

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// checkType returns an error where an attachment is of a type that the service may refuse:
// the extension of its name, where it has one, and its media type must both be listed on
// Microsoft's page "Allowed attachment types for sending email in Azure Communication
// Services". mediaType is in lower case and without parameters. The two need not belong
// together.
//
// The page says that many other types may be used, and does not name them. The error shows
// nothing of the name but a short extension.
func checkType(name, mediaType string) error {
	// As Windows does, which takes "a.exe." for "a.exe".
	if ext := strings.ToLower(path.Ext(strings.TrimRight(name, ". "))); ext != "" && !isListedExtension(ext) {
		if !isShown(ext[1:]) {
			return errors.New("the name ends in an extension that is not on Azure's list of attachment types")
		}
		return fmt.Errorf("the extension %s is not on Azure's list of attachment types", ext)
	}
	if !isListedType(listedType(mediaType)) {
		return fmt.Errorf("the media type %q is not on Azure's list of attachment types", mediaType)
	}
	return nil
}

// isShown reports whether ext is too short and plain to give away what the file is about.
func isShown(ext string) bool {
	for _, c := range []byte(ext) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(ext) <= 8
}

// listedType returns the name that the page has for a media type which programs also know by
// another name, and any other type as it is. That the service takes the other names as well
// is UNVERIFIED, so an attachment goes out under the name of the page.
func listedType(mediaType string) string {
	switch mediaType {
	case "application/vnd.rar":
		return "application/x-rar-compressed"
	case "application/x-gzip":
		return "application/gzip"
	case "application/x-zip-compressed":
		return "application/zip"
	case "audio/mp3":
		return "audio/mpeg"
	case "audio/x-wav":
		return "audio/wav"
	case "image/jpg":
		return "image/jpeg"
	case "image/x-icon":
		return "image/vnd.microsoft.icon"
	}
	return mediaType
}

func isListedExtension(ext string) bool {
	switch ext {
	case ".7z", ".gz", ".rar", ".tar", ".zip",
		".aac", ".mid", ".midi", ".mp3", ".oga", ".ogx", ".opus", ".wav", ".weba", ".wma",
		".3g2", ".3gp", ".avi", ".mp4", ".mpeg", ".ogv", ".webm", ".wmv",
		".bmp", ".gif", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp",
		".csv", ".epub", ".ics", ".json", ".pdf", ".rtf", ".txt", ".xml",
		".doc", ".docm", ".docx", ".one", ".ppsm", ".ppsx", ".ppt", ".pptm", ".pptx", ".pub", ".rpmsg",
		".vsd", ".xls", ".xlsb", ".xlsm", ".xlsx",
		".eot", ".otf", ".ttf", ".woff", ".woff2":
		return true
	}
	return false
}

func isListedType(mediaType string) bool {
	kind, format, _ := strings.Cut(mediaType, "/")
	switch kind {
	case "application":
		return isListedApplication(format)
	case "audio":
		switch format {
		case "aac", "midi", "mpeg", "ogg", "opus", "wav", "webm", "x-ms-wma":
			return true
		}
	case "font":
		switch format {
		case "otf", "ttf", "woff", "woff2":
			return true
		}
	case "image":
		switch format {
		case "bmp", "gif", "jpeg", "png", "svg+xml", "tiff", "vnd.microsoft.icon", "webp":
			return true
		}
	case "text":
		switch format {
		case "calendar", "csv", "plain", "xml":
			return true
		}
	case "video":
		switch format {
		case "3gpp", "3gpp2", "mp4", "mpeg", "ogg", "webm", "x-ms-wmv", "x-msvideo":
			return true
		}
	}
	return false
}

// isListedApplication is isListedType of application/format. The page writes some of these
// with a capital letter.
func isListedApplication(format string) bool {
	switch format {
	case "epub+zip", "gzip", "json", "msword", "ogg", "onenote", "pdf", "rtf", "x-7z-compressed",
		"x-rar-compressed", "x-tar", "xml", "zip",
		"vnd.ms-excel", "vnd.ms-excel.sheet.binary.macroenabled.12", "vnd.ms-excel.sheet.macroenabled.12",
		"vnd.ms-fontobject", "vnd.ms-outlook",
		"vnd.ms-powerpoint", "vnd.ms-powerpoint.presentation.macroenabled.12", "vnd.ms-powerpoint.slideshow.macroenabled.12",
		"vnd.ms-publisher", "vnd.ms-word.document.macroenabled.12",
		"vnd.openxmlformats-officedocument.presentationml.presentation",
		"vnd.openxmlformats-officedocument.presentationml.slideshow",
		"vnd.openxmlformats-officedocument.spreadsheetml.sheet",
		"vnd.openxmlformats-officedocument.wordprocessingml.document",
		"vnd.visio":
		return true
	}
	return false
}
