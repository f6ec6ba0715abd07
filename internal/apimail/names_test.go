package apimail_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/apimail"
)

// TestNameSet: a name is new once, however it is written, and however many there are.
func TestNameSet(t *testing.T) {
	for _, announced := range []int{0, 1, 16, 17, 1000} {
		var s apimail.NameSet
		for range 3 { // a set is used again
			all := s.Reset(announced)
			if all != &s {
				t.Fatal("Reset returns another set")
			}
			for i := range 40 {
				name := fmt.Sprintf("Ann%d@Example.com", i)
				if !all.Add(name) {
					t.Errorf("%d: %s is not new", announced, name)
				}
				for _, same := range []string{name, strings.ToUpper(name), strings.ToLower(name)} {
					if all.Add(same) {
						t.Errorf("%d: %s is new", announced, same)
					}
				}
			}
			if !all.Add("") || all.Add("") || !all.Add("ann") || !all.Add("ann0@example.co") {
				t.Errorf("%d: other names", announced)
			}
		}
	}
}

// TestNameSetSizes: a few and many are compared alike.
func TestNameSetSizes(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	alphabet := []rune("aAbBéÉİıßẞǅσςΣ@.")
	var few, many apimail.NameSet
	for range 200 {
		few.Reset(1)
		many.Reset(17)
		for range 30 {
			var name strings.Builder
			for range 1 + dice.IntN(2) {
				name.WriteRune(alphabet[dice.IntN(len(alphabet))])
			}
			if a, b := few.Add(name.String()), many.Add(name.String()); a != b {
				t.Fatalf("%q is new among few: %t, among many: %t", name.String(), a, b)
			}
		}
	}
}

// TestNameSetAllocations: a few names cost nothing when the set is used again.
func TestNameSetAllocations(t *testing.T) {
	var s apimail.NameSet
	names := make([]string, 16)
	for i := range names {
		names[i] = fmt.Sprint("ann", i)
	}
	got := testing.AllocsPerRun(100, func() {
		s.Reset(len(names))
		for _, name := range names {
			s.Add(name)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestNameSetLetters: only the case of ASCII letters is none of a name's. Whoever takes two addresses for one
// leaves out a recipient.
func TestNameSetLetters(t *testing.T) {
	for _, announced := range []int{1, 17} {
		var s apimail.NameSet
		for _, names := range [][2]string{{"k@a", "\u212a@a"}, {"s@a", "ſ@a"}, {"σ@a", "ς@a"}, {"i@a", "İ@a"}, {"i@a", "ı@a"}, {"é@a", "É@a"}, {"ß@a", "ẞ@a"}, {"@a", "`a"}, {"[a", "{a"}} {
			if s.Reset(announced); !s.Add(names[0]) || !s.Add(names[1]) {
				t.Errorf("%d: %q and %q are one", announced, names[0], names[1])
			}
		}
		if s.Reset(announced); !s.Add("AZ@é") || s.Add("az@é") || s.Add("aZ@é") {
			t.Errorf("%d: a name is new again", announced)
		}
	}
}
