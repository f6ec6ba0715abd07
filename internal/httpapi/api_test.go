package httpapi

import (
	"net/http"
	"testing"
)

// TestReasonIsNeverEmpty: a status without a name, and a body without a text, still make one line.
func TestReasonIsNeverEmpty(t *testing.T) {
	for status := 200; status < 600; status++ {
		res := Result{Reply: &Reply{Status: status, Header: http.Header{}, Whole: true}}
		if text := reason(res, "").Error(); text == "" || text[0] == ':' {
			t.Errorf("%d: %q", status, text)
		}
	}
}
