package apimail

import (
	"slices"
	"strings"
)

// A NameSet is a set of addresses or header field names, which are compared without regard to case.
type NameSet struct {
	few  []string
	many map[string]bool // only for many, where a search would be quadratic
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
		lower := strings.ToLower(name)
		known := s.many[lower]
		s.many[lower] = true
		return !known
	}
	if slices.ContainsFunc(s.few, func(other string) bool { return strings.EqualFold(other, name) }) {
		return false
	}
	s.few = append(s.few, name)
	return true
}
