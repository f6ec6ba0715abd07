package router

import (
	"fmt"
	"testing"
	"time"
)

func TestForeign(t *testing.T) {
	var f foreign
	if f.has("example.com", epoch) {
		t.Fatal("it knows a domain before there is one")
	}
	f.add("example.com", epoch)
	for _, c := range []struct {
		domain string
		now    time.Duration
		want   bool
	}{
		{"example.com", 0, true},
		{"example.com", 10*time.Minute - 1, true},
		{"example.com", 10 * time.Minute, false},
		{"mail.example.com", 0, false},
		{"example.org", 0, false},
		{"", 0, false},
	} {
		if got := f.has(c.domain, at(c.now)); got != c.want {
			t.Errorf("%q after %v: %t", c.domain, c.now, got)
		}
	}
	f.add("example.com", at(time.Minute))
	if !f.has("example.com", at(10*time.Minute)) {
		t.Error("a second refusal does not count from when it was given")
	}
}

func TestDomainOf(t *testing.T) {
	for address, want := range map[string]string{
		"a@example.com": "example.com", "A@Example.COM": "example.com", `"a@b"@example.com`: "example.com",
		"a@BÜCHER.example": "bücher.example", "example.com": "example.com", "": "", "a@": "",
	} {
		if got := domainOf(address); got != want {
			t.Errorf("%q: got %q, want %q", address, got, want)
		}
	}
}

// TestForeignIsBounded: there may be as many senders as there are customers.
func TestForeignIsBounded(t *testing.T) {
	var f foreign
	const others = 3 * 1000
	for i := range others {
		f.add(fmt.Sprintf("%d.example", i), at(time.Duration(i)))
		if len(f) > 1000 {
			t.Fatalf("%d domains are remembered", len(f))
		}
	}
	for i := range others {
		if got, want := f.has(fmt.Sprintf("%d.example", i), at(others)), i >= others-1000; got != want {
			t.Fatalf("the one added as number %d of %d is remembered: %t", i, others, got)
		}
	}
}

// TestForeignForgets: what is over goes first, and only when there is no room.
func TestForeignForgets(t *testing.T) {
	var f foreign
	for i := range 1000 - 1 {
		f.add(fmt.Sprintf("%d.example", i), at(time.Duration(i%2)*time.Minute))
	}
	f.add("last.example", at(10*time.Minute))
	if len(f) != 1000 {
		t.Fatalf("%d are remembered where there is room", len(f))
	}
	f.add("new.example", at(10*time.Minute))
	if want := 501; len(f) != want {
		t.Errorf("%d are remembered, want %d", len(f), want)
	}
	for _, domain := range []string{"new.example", "last.example", "1.example"} {
		if !f.has(domain, at(10*time.Minute)) {
			t.Errorf("%s is forgotten", domain)
		}
	}
}
