package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
)

// TestOneLine: the change is one line.
func TestOneLine(t *testing.T) {
	var lines [2][]string
	for i, path := range []string{"before/app/app.go", "after/app/app.go"} {
		code, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = strings.Split(string(code), "\n")
	}
	if len(lines[0]) != len(lines[1]) {
		t.Fatalf("%d lines became %d", len(lines[0]), len(lines[1]))
	}
	var changed []string
	for i, line := range lines[0] {
		if line != lines[1][i] {
			changed = append(changed, strings.TrimSpace(line)+" -> "+strings.TrimSpace(lines[1][i]))
		}
	}
	const want = `"net/smtp" -> smtp "github.com/mailkeel/mailkeel/mailer/netsmtp"`
	if len(changed) != 1 || changed[0] != want {
		t.Errorf("changed: %q", changed)
	}
}

// TestCompare: before the change the program is told falsehoods, and after it none.
func TestCompare(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^  (\S+) says +(.*?) +the server has it: (yes|no)$`)
	rows := row.FindAllStringSubmatch(out.String(), -1)
	if len(rows) != 2*len(habits) {
		t.Fatalf("%d rows:\n%s", len(rows), &out)
	}
	lies := map[string]int{}
	for _, r := range rows {
		who, said, taken := r[1], r[2], r[3] == "yes"
		if told := said == "accepted"; told != taken && !strings.Contains(said, "outcome unknown") {
			lies[who]++
		}
		if who == "netsmtp" && (strings.Contains(said, "no end") || said != "accepted" && !strings.HasPrefix(said, "smtp: ")) {
			t.Errorf("netsmtp says %s", said)
		}
	}
	if lies["netsmtp"] != 0 || lies["net/smtp"] == 0 {
		t.Errorf("false reports: %v\n%s", lies, &out)
	}
}

// TestThrough: with MAILER_URL, the program's own server is not asked.
func TestThrough(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{})
	env := map[string]string{"MAILER_URL": "smtp+plaintext://" + server.Addr(), "MAILER_FROM": "ann@example.com", "MAILER_TO": "bob@example.net"}
	var out bytes.Buffer
	if err := run(t.Context(), &out, func(name string) string { return env[name] }); err != nil || out.String() != "accepted\n" {
		t.Fatalf("%v: %s", err, &out)
	}
	if m := server.Messages(); len(m) != 1 || m[0].From != "ann@example.com" || m[0].Addresses()[0] != "bob@example.net" {
		t.Errorf("got %+v", m)
	}
	for name, url := range map[string]string{"MAILER_TO": env["MAILER_URL"], "no scheme": "what"} {
		env := map[string]string{"MAILER_URL": url, "MAILER_FROM": "ann@example.com"}
		if name == "no scheme" {
			env["MAILER_TO"] = "bob@example.net"
		}
		if err := run(t.Context(), &out, func(name string) string { return env[name] }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
