package acs_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// What must not show: a key, the bytes of it, a token, and a signature.
const (
	keyBytes = "correct-horse-battery-staple-correct-horse-battery-staple"
	token    = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsImtpZCI6IjAxMjM0NTY3ODlhYmNkZWZnaGlqa2xtbm9wcSJ9." +
		"eyJhdWQiOiJodHRwczovL2NvbW11bmljYXRpb24uYXp1cmUuY29tIiwib2lkIjoiY2FuYXJ5IiwiZXhwIjoxfQ." +
		"c2lnbmVkLWJ5LWNhbmFyeS1zaWduZWQtYnktY2FuYXJ5LXNpZ25lZC1ieS1jYW5hcnk"
	signature = "dL3xlNpi78/NJDZwRUbYV3uQ0WSSPEh6LorSTLJDlAw="
)

var accessKey = base64.StdEncoding.EncodeToString([]byte(keyBytes))

// traces are what to look for, also of a part of each.
func traces() []string {
	return []string{accessKey, accessKey[:16], "horse", token, token[:16], "c2lnbmVk", signature, signature[:16]}
}

// printed returns v as everything that programs print with shows it.
func printed(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	if data, err := json.Marshal(v); err != nil {
		fmt.Fprintln(&b, err)
	} else {
		b.Write(data)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	return b.String()
}

func wantSilent(t *testing.T, what, text string, more ...string) {
	t.Helper()
	for _, trace := range append(traces(), more...) {
		if strings.Contains(text, trace) || strings.Contains(text, fmt.Sprintf("%x", trace)) {
			t.Errorf("%s shows %q: %.300s", what, trace, text)
		}
	}
}

// secretly starts a server and a client that has the canary as its key, or as its token.
func secretly(t *testing.T, withToken bool) (*acstest.Server, *acs.Client) {
	t.Helper()
	cfg := acstest.Config{Keys: [2]string{accessKey}}
	if !withToken {
		return start(t, cfg, nil)
	}
	return startWithToken(t, cfg, func(c *acs.Config) {
		c.Credential = canaryToken()
	})
}

// TestConfigIsSilent: neither a configuration nor a client shows its secret, also once it has used it.
func TestConfigIsSilent(t *testing.T) {
	cfg := acs.Config{Key: mailer.NewSecret(accessKey), Endpoint: "https://example.com"}
	wantSilent(t, "config", printed(cfg))
	wantSilent(t, "pointer to config", printed(&cfg))
	endpoint, key, err := acs.ParseConnectionString("endpoint=https://h/;accesskey=" + accessKey)
	wantSilent(t, "parsed", printed([]any{endpoint, key, err}))

	identified := acs.Config{Credential: canaryToken(), Endpoint: "https://example.com"}
	for _, cfg := range []acs.Config{cfg, identified} {
		cfg.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("nobody there") }
		synctest.Test(t, func(t *testing.T) {
			client := newClient(t, cfg, nil)
			if _, err := client.Send(t.Context(), simple()); !errors.Is(err, mailer.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			synctest.Wait() // until nobody else is at work on what is printed
			wantSilent(t, "client", printed(client))
		})
	}
}

// canaryToken is a credential that has the canary.
func canaryToken() sameToken {
	return sameToken(azcore.AccessToken{Token: token, ExpiresOn: time.Now().Add(100 * 365 * 24 * time.Hour)})
}

// TestOpenIsSilent: no string that cannot be opened shows in the error.
func TestOpenIsSilent(t *testing.T) {
	for _, s := range []string{
		"acs://h?key=" + accessKey + "&regoin=eu", "acs://h?kye=" + accessKey, "acs://" + accessKey + "@h", "acs://h?" + accessKey,
		"acs://" + accessKey, "acs://h:" + accessKey, "acs://h/" + accessKey, "acs:" + accessKey,
		"endpoint=https://h/;accesskey=" + accessKey + ";" + accessKey, "endpoint=https://h/;" + accessKey, "accesskey=" + accessKey,
		"endpoint=https://" + accessKey + "@h/;accesskey=" + accessKey, "failover(acs://h?key=" + accessKey + "&x=y)",
		"acs://h?key=" + accessKey[1:] + "&timeout=x", "acs://h?auth=" + accessKey, "acs://h?key=" + accessKey + "&quota=" + accessKey,
	} {
		sender, err := dsn.Mux{acs.Schemes}.Open(t.Context(), s)
		if err == nil || sender != nil {
			t.Errorf("%.20s: got %v, %v", s, sender, err)
		}
		wantSilent(t, "error of Open", printed(err))
	}
}

// echo is what a service says that repeats all it was sent.
const echo = "the token " + token + "\r\nof <ann@example.org> with Signature=" + signature + " may not send \"Thank you\" <b>"

// echoes are replies with a status that say so wherever they can.
func echoes(code int) []acstest.Answer {
	all := acstest.Error{Code: echo + accessKey, Message: echo + accessKey, Target: echo}
	named := acstest.Refusal(code, acstest.Error{Code: "Denied", Message: echo + accessKey, Details: []acstest.Error{all}})
	body := acstest.Refusal(code, all)
	body.Header.Del("X-Ms-Error-Code") // a field has no line ends
	return []acstest.Answer{
		named, body,
		answerOf(code, "text/html", "<html>"+echo+accessKey),
		header(answerOf(code, "text/plain", echo), "X-Ms-Error-Code", "Denied ann@example.org "+accessKey),
		header(answerOf(code, "application/json", `{"id":"`+accessKey+token+`","status":"Running"}`), "Location", "https://"+token+"@example.com"),
		header(answerOf(code, "application/json", `{"status":"`+token+`"}`), "Operation-Location", "https://"+accessKey+"@example.com"),
	}
}

// hasBody reports whether there are replies of that status, and with a body.
func hasBody(code int) bool {
	switch {
	case code == http.StatusNoContent, code == http.StatusResetContent, code == http.StatusNotModified:
		return false
	case code > 208 && code < 300 && code != 226, code > 308 && code < 400, code > 451 && code < 500, code > 511:
		return false
	}
	return true
}

// TestErrorsAreSilent: whatever the service says, and however it repeats what it was sent, no error
// and no receipt shows a key, a token, a signature, an address or a page.
func TestErrorsAreSilent(t *testing.T) {
	for name, withToken := range map[string]bool{"key": false, "token": true} {
		t.Run(name, func(t *testing.T) {
			server, client := secretly(t, withToken)
			for code := 200; code < 600; code++ {
				if !hasBody(code) {
					continue
				}
				for _, a := range echoes(code) {
					server.Next(acstest.Reply(a))
					receipt, err := client.Send(t.Context(), simple())
					wantSilentSend(t, receipt, err)
				}
			}
		})
	}
}

func wantSilentSend(t *testing.T, receipt *mailer.Receipt, err error) {
	t.Helper()
	if receipt != nil {
		wantSilent(t, "receipt", printed(receipt))
	}
	if err == nil {
		return
	}
	if strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("the error has several lines: %q", err)
	}
	wantSilent(t, "error", err.Error(), "ann@example.org", "<html>")
	wantSilent(t, "account", printed(mailer.AsSendError(err).Receipt), "<html>")
	var azure *azcore.ResponseError
	if errors.As(err, &azure) {
		wantSilent(t, "azcore's error", printed(azure)+azure.Error(), "ann@example.org", "<html>")
	}
}

// TestQuestionsAreSilent: nor does what the service says of an operation.
func TestQuestionsAreSilent(t *testing.T) {
	id := acs.OperationID("1")
	m := must(mailer.Prepare(simple()))
	server, client := secretly(t, false)
	failed := acstest.OperationIs(id, acstest.StatusFailed, acstest.Error{Code: echo + accessKey, Message: echo + accessKey})
	answers := append(echoes(400), failed, acstest.OperationIs(id, acstest.Status(echo), acstest.Error{}))
	for _, code := range []int{200, 401, 403, 404, 429, 500, 503} {
		answers = append(answers, echoes(code)...)
	}
	for _, a := range answers {
		server.Next(acstest.Reply(a))
		o, err := client.Status(t.Context(), id)
		wantSilent(t, "operation", printed(o), "ann@example.org")
		wantSilent(t, "error of Status", printed(err), "ann@example.org")
		server.Next(acstest.Reply(a))
		wantSilent(t, "error of Check", printed(client.Check(t.Context())), "ann@example.org")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Resolve(ctx, m)
	wantSilent(t, "error of Resolve", printed(err))
}

// TestCredentialErrorsAreSilent: sources of credentials say too much at times.
func TestCredentialErrorsAreSilent(t *testing.T) {
	wordy := errors.New("POST https://login.example/\n" + echo + "\n{\"client_secret\":\"" + accessKey + "\"}")
	server, client := startWithToken(t, acstest.Config{}, nil)
	server.Credential().Next(acstest.TokenFault{Err: wordy})
	receipt, err := client.Send(t.Context(), simple())
	wantSilentSend(t, receipt, err)
	if !errors.Is(err, wordy) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// TestLogIsSilent: what azcore tells a program that listens shows no secret, and no content.
func TestLogIsSilent(t *testing.T) {
	var mu sync.Mutex
	var text strings.Builder
	log.SetListener(func(event log.Event, s string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(&text, event, s)
	})
	defer log.SetListener(nil)
	for _, withToken := range []bool{false, true} {
		server, client := secretly(t, withToken)
		server.Next(acstest.Reply(echoes(400)[0]))
		for range 2 {
			_, _ = client.Send(t.Context(), simple())
		}
		held(t, server)
		for _, r := range server.Requests() {
			_, sent, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
			if sent != "" && strings.Contains(text.String(), sent) {
				t.Error("the log shows a signature")
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if text.Len() == 0 {
		t.Fatal("nothing was logged")
	}
	wantSilent(t, "log", text.String(), "ann@example.org", "Thank you")
}
