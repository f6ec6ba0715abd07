package apimail

import "slices"

// A NameSet is a set of addresses or header field names, which are compared without regard to the case
// of ASCII letters. Other letters are what they are: whether two addresses that differ in
// them are one, nobody but their server knows.
type NameSet struct {
	few  []string
	many map[string]bool // by their folded form; only for many, where a search would be quadratic
}

// Reset empties s, and prepares it for n names. It returns s.
func (s *NameSet) Reset(n int) *NameSet {
	clear(s.few)
	*s = NameSet{few: s.few[:0]}
	if n > 16 {
		s.many = make(map[string]bool, n)
	}
	return s
}

// Add reports whether name is new.
func (s *NameSet) Add(name string) bool {
	if s.many != nil {
		key := fold(name)
		known := s.many[key]
		s.many[key] = true
		return !known
	}
	if slices.ContainsFunc(s.few, func(other string) bool { return isSame(other, name) }) {
		return false
	}
	s.few = append(s.few, name)
	return true
}

func isSame(a, b string) bool {
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

func fold(name string) string {
	b := []byte(name)
	for i := range b {
		b[i] = lower(b[i])
	}
	return string(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
