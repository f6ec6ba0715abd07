package providers_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/observe"
	"github.com/mailkeel/mailkeel/mailer/router"
	"github.com/mailkeel/mailkeel/providers"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

func message() *mailer.Message {
	return &mailer.Message{
		From: mailer.Address{Name: "Ann", Address: "ann@example.com"},
		To:   []mailer.Address{{Address: "bob@example.org"}},
		Text: "Hello",
	}
}

// Open gives a Sender through which the parameters work and the optional interfaces
// are found, from= or not.
func TestOpen(t *testing.T) {
	certs := testcert.Must(t)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, certs.RootsPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MAILKEEL_TEST_PASSWORD", "p@ss&word=?")
	for _, from := range []string{"", "&from=shop@example.com"} {
		server := smtpfake.Start(t, smtpfake.Config{
			Extensions: smtpfake.AllExtensions(), TLS: testcert.Server(certs.Valid), RequireTLS: true,
			Users: map[string]string{"app": "p@ss&word=?"}, RequireAuth: true,
		})
		s := "smtp://app:${MAILKEEL_TEST_PASSWORD}@" + server.Addr() + "?name=primary&ca_file=" + caFile + from
		sender, err := providers.Open(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if checker, ok := mailer.Find[mailer.Checker](sender); !ok || checker.Check(t.Context()) != nil {
			t.Error("no Checker is found, or it fails")
		}
		if _, ok := mailer.Find[*smtp.Client](sender); !ok {
			t.Error("the client is not found")
		}
		receipt, err := sender.Send(t.Context(), message())
		if err != nil || receipt.Route != "primary" || receipt.Provider != "smtp" {
			t.Errorf("got %+v, %v", receipt, err)
		}
		want := "ann@example.com"
		if from != "" {
			want = "shop@example.com"
		}
		if got := server.Messages(); len(got) != 1 || got[0].From != want || !strings.Contains(string(got[0].Data), "From: Ann <"+want+">") {
			t.Errorf("the server has %+v", got)
		}
		if err := sender.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := sender.Send(t.Context(), message()); !errors.Is(err, mailer.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for s, want := range map[string]string{
		"":                             "MAILER_URL",
		"gopher://h":                   "smtp+plaintext",
		"smtp://u:c4n4ry@h?nonsense=1": "max_conns",
		"smtp://u:c4n4ry@h:port":       "port",
		"failover(smtp://u:c4n4ry@h smtp://u:c4n4ry@i?nonsense=1)": "member 2",
		"failover(smtp://u:c4n4ry@h smtp://u:c4n4ry@i":             "missing )",
	} {
		sender, err := providers.Open(t.Context(), s)
		if err == nil || sender != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%q: got %v, %v", s, sender, err)
		}
	}
}

// unreachable returns the address of a server that is gone.
func unreachable(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// heard is an observer that keeps the names of the routes.
type heard struct {
	mu     sync.Mutex
	routes []string
}

func (h *heard) ObserveAttempt(_ context.Context, a observe.Attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.routes = append(h.routes, a.Router+" "+a.Route)
}

// A composite goes through the facade: its router is found, closed, and has the options.
func TestOpenWithComposite(t *testing.T) {
	server, observer := smtpfake.Start(t, smtpfake.Config{}), &heard{}
	s := "failover(\n  smtp+plaintext://" + unreachable(t) + "?name=main\n  smtp+plaintext://" + server.Addr() + "?name=backup\n)?name=mail&start_limit=off"
	sender, err := providers.OpenWith(t.Context(), s, dsn.Options{Observer: observer})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := sender.Send(t.Context(), message())
	if err != nil || receipt.Route != "backup" || len(server.Messages()) != 1 {
		t.Errorf("got %+v, %v, and %d messages", receipt, err, len(server.Messages()))
	}
	if _, ok := mailer.Find[*router.Router](sender); !ok {
		t.Error("the router is not found")
	}
	if err := sender.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := sender.Send(t.Context(), message()); !errors.Is(err, mailer.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	observer.mu.Lock()
	defer observer.mu.Unlock()
	if want := []string{"mail main", "mail backup"}; !slices.Equal(observer.routes, want) {
		t.Errorf("heard %q, want %q", observer.routes, want)
	}
}

// The context of Open does not bind the Sender.
func TestOpenContext(t *testing.T) {
	server := smtpfake.Start(t, smtpfake.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	sender, err := providers.Open(ctx, "smtp+plaintext://"+server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := sender.Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
	_ = sender.Close(t.Context())
}

func ExampleOpen() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := smtpfake.New(smtpfake.Config{})
	defer server.Close()
	go func() { _ = server.Serve(l) }()

	ctx := context.Background()
	sender, err := providers.Open(ctx, "smtp+plaintext://"+l.Addr().String()) // os.Getenv("MAILER_URL")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sender.Close(ctx) }()
	receipt, err := sender.Send(ctx, &mailer.Message{
		From: mailer.Address{Address: "shop@example.com"},
		To:   []mailer.Address{{Address: "ann@example.org"}},
		Text: "Your order is on its way.",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(receipt.Outcome, "for", receipt.Recipients[0].Address)
	// Output:
	// accepted for ann@example.org
}

func ExampleOpen_failover() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	server := smtpfake.New(smtpfake.Config{})
	defer server.Close()
	go func() { _ = server.Serve(l) }()

	ctx := context.Background()
	sender, err := providers.Open(ctx, "failover(smtp+plaintext://127.0.0.1:1?name=main smtp+plaintext://"+l.Addr().String()+"?name=backup)?start_limit=2s")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sender.Close(ctx) }()
	receipt, err := sender.Send(ctx, &mailer.Message{
		From: mailer.Address{Address: "shop@example.com"},
		To:   []mailer.Address{{Address: "ann@example.org"}},
		Text: "Your order is on its way.",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range receipt.Attempts {
		fmt.Printf("%s: %s, %s\n", a.Route, a.Outcome, a.Decision)
	}
	// Output:
	// main: not_accepted, next route
	// backup: accepted, done
}
