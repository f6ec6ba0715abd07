package main

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

func noEnv(string) string { return "" }

// writeFile returns the path of a new file called name.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestParse(t *testing.T) {
	pdf, png := writeFile(t, "a.pdf", "%PDF"), writeFile(t, "b.png", "PNG")
	opts, err := parse([]string{
		"-from", "Ann <ann@example.com>", "-to", "Bob <bob@example.com>", "-to", "c@example.com, d@example.com",
		"-cc", "e@example.com", "-bcc", "f@example.com", "-reply-to", "g@example.com", "-reply-to", "h@example.com",
		"-subject", "S", "-header", "X-A: 1", "-header", "X-A:2:3", "-attach", pdf, "-inline", "logo=" + png, "-html", pdf,
		"-tag", "t1", "-tag", "t2", "-meta", "k=v=w", "-meta", "l=", "-idempotency-key", "K", "-timeout", "7s", "-json",
	}, func(name string) string { return "value of " + name })
	if err != nil {
		t.Fatal(err)
	}
	want := mailer.Message{
		From:    mailer.Address{Name: "Ann", Address: "ann@example.com"},
		To:      []mailer.Address{{Name: "Bob", Address: "bob@example.com"}, {Address: "c@example.com"}, {Address: "d@example.com"}},
		Cc:      []mailer.Address{{Address: "e@example.com"}},
		Bcc:     []mailer.Address{{Address: "f@example.com"}},
		ReplyTo: []mailer.Address{{Address: "g@example.com"}, {Address: "h@example.com"}},
		Subject: "S", Headers: mailer.Header{{Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2:3"}},
		Attachments: []mailer.Attachment{
			{Name: "a.pdf", Content: mailer.File(pdf)},
			{Name: "b.png", ContentID: "logo", Content: mailer.File(png)},
		},
		Tags: []string{"t1", "t2"}, Metadata: map[string]string{"k": "v=w", "l": ""}, IdempotencyKey: "K",
	}
	if !reflect.DeepEqual(opts.msg, want) {
		t.Errorf("message\n got %+v\nwant %+v", opts.msg, want)
	}
	rest := *opts
	rest.msg = mailer.Message{}
	if want := (options{url: "value of MAILER_URL", timeout: 7 * time.Second, json: true, htmlFile: pdf}); !reflect.DeepEqual(rest, want) {
		t.Errorf("options\n got %+v\nwant %+v", rest, want)
	}
}

func TestParseDefaults(t *testing.T) {
	opts, err := parse(append(envelope("b@example.com"), "-url", "given"), func(string) string { return "environment's" })
	if err != nil {
		t.Fatal(err)
	}
	if opts.url != "given" || opts.timeout != 30*time.Second || opts.json {
		t.Errorf("got %+v", opts)
	}
}

func TestUsageErrors(t *testing.T) {
	folder := t.TempDir()
	file := writeFile(t, "x", "x")
	complete := envelope("b@example.com")
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"nothing", "-from is missing", nil},
		{"no recipient", "-to, -cc and -bcc are missing", []string{"-from", "a@example.com"}},
		{"unknown flag", "not defined: -x", []string{"-x"}},
		{"bad address", "flag -to", []string{"-to", "example.com"}},
		{"two authors", "more than one", []string{"-from", "a@example.com, b@example.com"}},
		{"author twice", "given twice", []string{"-from", "a@example.com", "-from", "b@example.com"}},
		{"subject twice", "given twice", []string{"-subject", "a", "-subject", "b"}},
		{"header without colon", "'Name: value'", []string{"-header", "X"}},
		{"metadata without =", "key=value", []string{"-meta", "k"}},
		{"metadata twice", "given twice", []string{"-meta", "k=1", "-meta", "k=2"}},
		{"inline without =", "CID=FILE", []string{"-inline", file}},
		{"inline without CID", "CID=FILE", []string{"-inline", "=" + file}},
		{"attachment that is a folder", "is a directory", []string{"-attach", folder}},
		{"attachment that does not exist", "flag -attach: ", []string{"-attach", filepath.Join(folder, "none")}},
		{"HTML that does not exist", "flag -html: ", []string{"-html", filepath.Join(folder, "none")}},
		{"raw that does not exist", "flag -raw: ", []string{"-raw", filepath.Join(folder, "none")}},
		{"timeout without unit", "flag -timeout", []string{"-timeout", "5"}},
		{"timeout of nothing", "not positive", slices.Concat(complete, []string{"-timeout", "0s"})},
		{"argument", "belongs to no flag", slices.Concat(complete, []string{"hello"})},
		{"connection string as argument", "belongs to no flag", slices.Concat(complete, []string{"smtp://u:" + password + "@h"})},
		{"connection string as flag", "-url or MAILER_URL", []string{"-smtp://u:" + password + "@h"}},
		{"connection string as value", "-url or MAILER_URL", []string{"-timeout", "smtp://u:" + password + "@h"}},
		{"connection string twice", "-url or MAILER_URL", []string{"-url", "smtp://u:" + password + "@h", "-url", "smtp://u:" + password + "@h"}},
		{"bad connection string", "unknown scheme", slices.Concat(complete, []string{"-url", "http://u:" + password + "@h"})},
		{"bad parameter", "timeout", slices.Concat(complete, []string{"-url", "smtp://u:" + password + "@h?timeout=soon"})},
		{"no connection string", "MAILER_URL", complete},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(t, "", "text", c.args...)
			if got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, c.want) {
				t.Errorf("exit status %d\nstdout: %s\nstderr: %s\nwant %q", got.code, got.stdout, got.stderr, c.want)
			}
		})
	}
}

// With -json there is an object at every end, wherever the flag stands.
func TestUsageErrorsInJSON(t *testing.T) {
	for url, args := range map[string][]string{
		"smtp://h?x=1":       append(envelope("b@example.com"), "-json"),
		"smtp://127.0.0.1:1": {"-to", "nobody", "-json"},
		"smtp://127.0.0.1:2": {"--json", "-to", "b@example.com"},
	} {
		got := call(t, url, "text", args...)
		a := got.account(t)
		if got.code != exitUsage || a.Outcome != mailer.NotAccepted || a.Error == "" || got.stderr != "send: "+a.Error+"\n" {
			t.Errorf("%q: exit status %d, %+v, standard error %q", args, got.code, a, got.stderr)
		}
	}
}

func TestHelp(t *testing.T) {
	got := call(t, "smtp://u:"+password+"@h", "", "-h")
	if got.code != exitUsage || got.stdout != "" {
		t.Errorf("exit status %d, stdout %q", got.code, got.stdout)
	}
	new(options).flagSet().VisitAll(func(f *flag.Flag) {
		if !strings.Contains(got.stderr, "  -"+f.Name+" ") && !strings.Contains(got.stderr, "  -"+f.Name+"\n") {
			t.Errorf("-%s is not listed", f.Name)
		}
	})
}

// The flags are a contract.
func TestFlagNames(t *testing.T) {
	var names []string
	new(options).flagSet().VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	sameStrings(t, "flags", names, "attach", "bcc", "cc", "from", "header", "html", "idempotency-key", "inline", "json",
		"meta", "raw", "reply-to", "sendmail", "subject", "sysexits", "tag", "timeout", "to", "url")
}

func TestEmptyURLIsTheEnvironments(t *testing.T) {
	if opts, err := parse(append(envelope("b@example.com"), "-url", ""), noEnv); err != nil || opts.url != "" {
		t.Errorf("got %+v, %v", opts, err)
	}
}

func TestReadmeFlags(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	new(options).flagSet().VisitAll(func(f *flag.Flag) {
		if !strings.Contains(string(readme), "`-"+f.Name+" ") && !strings.Contains(string(readme), "`-"+f.Name+"`") {
			t.Errorf("the README does not know -%s", f.Name)
		}
	})
}
