package acs_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// uuid5 makes a UUID of version 5 by the steps of RFC 9562 section 5.5, field by field.
func uuid5(namespace, name string) string {
	id, err := hex.DecodeString(strings.ReplaceAll(namespace, "-", ""))
	if err != nil {
		panic(err)
	}
	sum := fmt.Sprintf("%x", sha1.Sum(append(id, name...)))
	high, low, mid := sum[0:8], sum[8:12], sum[13:16]
	variant, err := strconv.ParseUint(sum[16:18], 16, 8)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("%s-%s-5%s-%02x%s-%s", high, low, mid, variant&0b0011_1111|0b1000_0000, sum[18:20], sum[20:32])
}

// TestUUID5 holds the test's own implementation to the example of RFC 9562 appendix A.4.
func TestUUID5(t *testing.T) {
	const dns, want = "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "2ed6657d-e927-568b-95e1-2665a8aea6a2"
	if got := uuid5(dns, "www.example.com"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestOperationID: a name of version 5 in a namespace of our own. The values are for ever: another name for the
// same key would make a second copy of a message that is repeated after an update of the program.
func TestOperationID(t *testing.T) {
	const namespace = "5b0e6fd2-913c-4a07-a43d-c81f7266b9e4"
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := make(map[string]string)
	for key, want := range map[string]string{
		"":                       "c8eae424-bdd8-5619-a512-3c0d34bd51c4",
		"1@example.com":          "4a788662-dcfa-5104-836e-b89e748620dd",
		"order-4711":             "71354b2d-72ad-53bd-b2f2-7de79b03576a",
		"Order-4711":             "08a6d758-bf60-56df-841e-81a2e4fa9fc7",
		"größe \x00 ":            "0a4e3621-368a-55be-af9c-8f0a3f2e6f7d",
		strings.Repeat("x", 998): "b91c3e2a-0f3b-5c6b-9db1-aebd77202e2c",
	} {
		got := acs.OperationID(key)
		if got != want || got != uuid5(namespace, key) || !form.MatchString(got) {
			t.Errorf("%.20q: got %s, want %s, and by the RFC %s", key, got, want, uuid5(namespace, key))
		}
		if other, twice := seen[got]; twice {
			t.Errorf("%.20q and %.20q are %s", key, other, got)
		}
		seen[got] = key
	}
}

// FuzzOperationID: whatever the key, the name is the same each time, and that of the RFC.
func FuzzOperationID(f *testing.F) {
	f.Add("1@example.com")
	f.Fuzz(func(t *testing.T, key string) {
		if got, again := acs.OperationID(key), acs.OperationID(key); got != again || got != uuid5("5b0e6fd2-913c-4a07-a43d-c81f7266b9e4", key) {
			t.Errorf("%q: got %s and %s", key, got, again)
		}
	})
}

// TestIdentityIsKept: every attempt has the same Operation-Id and the same body, whatever came between, and
// another client has them too.
func TestIdentityIsKept(t *testing.T) {
	server, client := start(t, acstest.Config{}, nil)
	other := newClient(t, withToken(server), nil)
	m := simple()
	m.IdempotencyKey = "order-4711"
	m.Attachments = []mailer.Attachment{{Name: "a.txt", Content: mailer.Bytes([]byte("x"))}}
	m = must(mailer.Prepare(m))
	for i, f := range []acstest.Fault{
		acstest.Reply(acstest.Denied()), // and once more at once
		acstest.Reply(acstest.InternalError()),
		{Kind: acstest.Withhold, Accept: true},
		{},
	} {
		server.Next(f)
		sender := client
		if i == 3 {
			sender = other
		}
		receipt, err := sender.Send(t.Context(), m)
		if refused := i == 1 || i == 2; refused != (err != nil) {
			t.Errorf("attempt %d: %v, %v", i, receipt, err)
		}
	}
	if all := held(t, server); len(all) != 1 || server.Repeats() == 0 {
		t.Errorf("%d messages, %d repeats", len(all), server.Repeats())
	}
	ids, bodies := seenOf(server)
	if len(ids) != 1 || ids[0] != acs.OperationID("order-4711") || bodies != 1 {
		t.Errorf("Operation-Ids %q and %d different bodies", ids, bodies)
	}
}

// seenOf returns the different Operation-Ids that came, and how many different bodies.
func seenOf(server *acstest.Server) (ids []string, bodies int) {
	different := make(map[string]bool)
	for _, r := range server.Requests() {
		ids = append(ids, r.Header.Get("Operation-Id"))
		different[string(r.Body)] = true
	}
	slices.Sort(ids)
	return slices.Compact(ids), len(different)
}
