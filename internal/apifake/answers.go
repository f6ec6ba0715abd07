package apifake

import (
	"fmt"
	"net/http"
)

// JSON returns an answer with a body of JSON, given as text.
func JSON(status int, body string) Answer {
	return Answer{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
}

// HTMLPage returns an answer as web servers make it where no application speaks.
func HTMLPage(status int) Answer {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	return Answer{
		Status: status,
		Header: http.Header{"Content-Type": {"text/html"}, "Server": {"nginx"}},
		Body:   fmt.Appendf(nil, "<html>\r\n<head><title>%s</title></head>\r\n<body><h1>%s</h1></body>\r\n</html>\r\n", title, title),
	}
}

// Gateway returns what a proxy says of the server behind it, such as 502 or 504: a page,
// and the connection ends.
func Gateway(status int) Answer {
	a := HTMLPage(status)
	a.Header.Set("Connection", "close")
	return a
}

// Redirect returns an answer that sends the client elsewhere.
func Redirect(status int, location string) Answer {
	a := HTMLPage(status)
	a.Header.Set("Location", location)
	return a
}

// TruncatedJSON returns an answer whose body is the first n bytes of a JSON text, whole
// as far as HTTP can tell.
func TruncatedJSON(status int, body string, n int) Answer {
	return JSON(status, body[:min(n, len(body))])
}
