package httpapi

import "testing"

func TestEnvelopeID(t *testing.T) {
	seen := make(map[string]bool)
	for _, list := range [][]string{
		nil, {""}, {"a@example.com"}, {"b@example.com"}, {"a@example.com", "b@example.com"}, {"b@example.com", "a@example.com"},
		{"a@example.comb@example.com"}, {"a@example.com\nb@example.com"[:13], "b@example.com", ""},
	} {
		id := EnvelopeID(list)
		if seen[id] || len(id) != 24 || id != EnvelopeID(list) {
			t.Errorf("%q: %q", list, id)
		}
		seen[id] = true
	}
}
