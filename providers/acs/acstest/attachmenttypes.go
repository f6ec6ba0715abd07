package acstest

import (
	"path"
	"slices"
	"strings"
)

// isAllowed reports whether both the type and the extension are on the list. That the
// service looks at the extension, that the two need not belong together, and that a type
// cannot have parameters, is UNVERIFIED.
func isAllowed(a Attachment) bool {
	extension := strings.ToLower(strings.TrimPrefix(path.Ext(a.Name), "."))
	known, fits := false, false
	for row := range strings.Lines(allowedTypes) {
		fields := strings.Fields(row)
		known = known || strings.EqualFold(fields[0], a.ContentType)
		fits = fits || slices.Contains(fields[1:], extension)
	}
	return known && fits
}

// allowedTypes has a media type and its extensions in each line ("Allowed attachment types for
// sending email in Azure Communication Services"). The page says that there are more.
const allowedTypes = `application/epub+zip epub
application/gzip gz
application/json json
application/msword doc
application/ogg ogx
application/onenote one
application/pdf pdf
application/rtf rtf
application/vnd.ms-excel xls
application/vnd.ms-excel.sheet.binary.macroEnabled.12 xlsb
application/vnd.ms-excel.sheet.macroEnabled.12 xlsm
application/vnd.ms-fontobject eot
application/vnd.ms-outlook rpmsg
application/vnd.ms-powerpoint ppt
application/vnd.ms-powerpoint.presentation.macroEnabled.12 pptm
application/vnd.ms-powerpoint.slideshow.macroEnabled.12 ppsm
application/vnd.ms-publisher pub
application/vnd.ms-word.document.macroEnabled.12 docm
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.openxmlformats-officedocument.presentationml.slideshow ppsx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/vnd.visio vsd
application/x-7z-compressed 7z
application/x-rar-compressed rar
application/x-tar tar
application/xml xml
application/zip zip
audio/aac aac
audio/midi mid midi
audio/mpeg mp3
audio/ogg oga
audio/opus opus
audio/wav wav
audio/webm weba
audio/x-ms-wma wma
font/otf otf
font/ttf ttf
font/woff woff
font/woff2 woff2
image/bmp bmp
image/gif gif
image/jpeg jpg jpeg
image/png png
image/svg+xml svg
image/tiff tif tiff
image/vnd.microsoft.icon ico
image/webp webp
text/calendar ics
text/csv csv
text/plain txt
text/xml xml
video/3gpp 3gp
video/3gpp2 3g2
video/mp4 mp4
video/mpeg mpeg
video/ogg ogv
video/webm webm
video/x-ms-wmv wmv
video/x-msvideo avi`
