package acs

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// checkType returns an error where an attachment is of a type that the service may refuse:
// the extension of its name and its media type must both be listed on Microsoft's page
// "Allowed attachment types for sending email in Azure Communication Services". mediaType is in
// lower case and without parameters. The two need not belong together.
//
// The page says that many other types may be used, and does not name them. UNVERIFIED: whether the service
// looks at the name at all. The error shows nothing of the name but a short extension.
func checkType(name, mediaType string) error {
	// As Windows does, which takes "a.exe." for "a.exe".
	ext := strings.ToLower(path.Ext(strings.TrimRight(name, ". ")))
	switch {
	case ext == "":
		return errors.New("the name has no extension, by which Azure's list of attachment types goes")
	case types[ext] == "" && !isShown(ext[1:]):
		return errors.New("the name ends in an extension that is not on Azure's list of attachment types")
	case types[ext] == "":
		return fmt.Errorf("the extension %s is not on Azure's list of attachment types", ext)
	case extensions[listedType(mediaType)] == "":
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

// types are the page's table: the extensions, in lower case, and the media type of each. The page writes
// some types with capital letters.
var types = map[string]string{
	".3gp":   "video/3gpp",
	".3g2":   "video/3gpp2",
	".7z":    "application/x-7z-compressed",
	".aac":   "audio/aac",
	".avi":   "video/x-msvideo",
	".bmp":   "image/bmp",
	".csv":   "text/csv",
	".doc":   "application/msword",
	".docm":  "application/vnd.ms-word.document.macroenabled.12",
	".docx":  "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".eot":   "application/vnd.ms-fontobject",
	".epub":  "application/epub+zip",
	".gif":   "image/gif",
	".gz":    "application/gzip",
	".ico":   "image/vnd.microsoft.icon",
	".ics":   "text/calendar",
	".jpg":   "image/jpeg",
	".jpeg":  "image/jpeg",
	".json":  "application/json",
	".mid":   "audio/midi",
	".midi":  "audio/midi",
	".mp3":   "audio/mpeg",
	".mp4":   "video/mp4",
	".mpeg":  "video/mpeg",
	".oga":   "audio/ogg",
	".ogv":   "video/ogg",
	".ogx":   "application/ogg",
	".one":   "application/onenote",
	".opus":  "audio/opus",
	".otf":   "font/otf",
	".pdf":   "application/pdf",
	".png":   "image/png",
	".ppsm":  "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
	".ppsx":  "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
	".ppt":   "application/vnd.ms-powerpoint",
	".pptm":  "application/vnd.ms-powerpoint.presentation.macroenabled.12",
	".pptx":  "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".pub":   "application/vnd.ms-publisher",
	".rar":   "application/x-rar-compressed",
	".rpmsg": "application/vnd.ms-outlook",
	".rtf":   "application/rtf",
	".svg":   "image/svg+xml",
	".tar":   "application/x-tar",
	".tif":   "image/tiff",
	".tiff":  "image/tiff",
	".ttf":   "font/ttf",
	".txt":   "text/plain",
	".vsd":   "application/vnd.visio",
	".wav":   "audio/wav",
	".weba":  "audio/webm",
	".webm":  "video/webm",
	".webp":  "image/webp",
	".wma":   "audio/x-ms-wma",
	".wmv":   "video/x-ms-wmv",
	".woff":  "font/woff",
	".woff2": "font/woff2",
	".xls":   "application/vnd.ms-excel",
	".xlsb":  "application/vnd.ms-excel.sheet.binary.macroenabled.12",
	".xlsm":  "application/vnd.ms-excel.sheet.macroenabled.12",
	".xlsx":  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xml":   "application/xml",
	".zip":   "application/zip",
}

// extensions are the other way round, with one extension for each media type.
var extensions = invert(types)

func invert(types map[string]string) map[string]string {
	extensions := map[string]string{"text/xml": ".xml"} // which the page has beside application/xml
	for extension, mediaType := range types {
		if known := extensions[mediaType]; known == "" || extension < known {
			extensions[mediaType] = extension
		}
	}
	return extensions
}
