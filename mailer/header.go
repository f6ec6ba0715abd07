package mailer

// A HeaderField is one header field of RFC 5322. Value is text, not wire form: the
// writer encodes and folds it.
type HeaderField struct{ Name, Value string }

// A Header is a list of header fields. Order and repeated names are kept.
type Header []HeaderField

// Add appends a field.
func (h *Header) Add(name, value string) { *h = append(*h, HeaderField{name, value}) }

// Values returns the values of all fields called name, without regard to case.
func (h Header) Values(name string) []string {
	var values []string
	for _, f := range h {
		if equalFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// equalFold compares ASCII without regard to case, as RFC 5322 field names are.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
