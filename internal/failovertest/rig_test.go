package failovertest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/dsn"
	"github.com/mailkeel/mailkeel/mailer/router"
	"github.com/mailkeel/mailkeel/providers"
	"github.com/mailkeel/mailkeel/providers/mailgun/mailguntest"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// within bounds what a broken router could make wait for ever: longer than a route rests whose
// credentials are wrong.
const within = time.Minute

// A rig is failover(primary backup), opened, with a healthy backup.
type rig struct {
	sender providers.Sender
	router *router.Router
	backup *sendgridtest.Server
	sent   atomic.Int64
}

// open opens it with the connection string of the primary, and with options such as "rest=1s".
func open(t *testing.T, primary, options string) *rig {
	t.Helper()
	return openWith(t, backupStarted(t), primary, options)
}

func backupStarted(t *testing.T) *sendgridtest.Server {
	t.Helper()
	return sendgridtest.Start(t, sendgridtest.Config{})
}

// openWith is open for a backup that was started before.
func openWith(t *testing.T, backupServer *sendgridtest.Server, primary, options string) *rig {
	t.Helper()
	r := &rig{backup: backupServer}
	backup := "sendgrid://" + r.backup.Key() + "@" + r.backup.Addr() + "?insecure=true&name=backup"
	// The machine may be busy: to be slow is not what these primaries are to rest for.
	s := "failover(" + primary + " " + backup + ")?start_limit=10s&reply_limit=10s&" + options
	var err error
	if r.sender, err = providers.Open(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		if err := r.sender.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	var found bool
	if r.router, found = mailer.Find[*router.Router](r.sender); !found {
		t.Fatal("there is no router")
	}
	return r
}

// smtpAt, sendgridAt and mailgunAt are connection strings of a primary.
func smtpAt(addr string) string { return "smtp+plaintext://" + addr + "?name=primary" }

func sendgridAt(s *sendgridtest.Server, params string) string {
	return "sendgrid://" + s.Key() + "@" + s.Addr() + "?name=primary" + params
}

func mailgunAt(s *mailguntest.Server, params string) string {
	return "mailgun://" + s.Key() + "@" + s.Addr() + "?name=primary&domain=" + mailguntest.DefaultDomain + params
}

// unprotected are the parameters for an API without TLS.
const unprotected = "&insecure=true"

// certified returns what a server needs for TLS, and the parameters for its clients.
func certified(t *testing.T) (server *tls.Config, params string) {
	t.Helper()
	certs, err := testcert.New()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, certs.RootsPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return testcert.Server(certs.Valid), "&ca_file=" + dsn.Escape(file)
}

const (
	good    = "ann@example.com"
	foreign = "ann@elsewhere.example.net"
)

// send sends a message of its own, whose account and verdict it returns.
func (r *rig) send(t *testing.T, change func(*mailer.Message)) (*mailer.Receipt, *mailer.SendError) {
	t.Helper()
	msg := &mailer.Message{
		From: mailer.Address{Address: good}, To: []mailer.Address{{Address: "bob@example.org"}},
		Subject: fmt.Sprintf("Message %d", r.sent.Add(1)), Text: "Hello",
	}
	if change != nil {
		change(msg)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	receipt, err := r.sender.Send(ctx, msg)
	if err == nil {
		return receipt, nil
	}
	e := mailer.AsSendError(err)
	return e.Receipt, e
}

// accepted sends a good message, which route has to take.
func (r *rig) accepted(t *testing.T, route string) *mailer.Receipt {
	t.Helper()
	receipt, e := r.send(t, nil)
	if e != nil {
		t.Fatalf("a good message: %v\n%s", e, told(receipt))
	}
	if receipt.Route != route {
		t.Errorf("it went over %q, want %q\n%s", receipt.Route, route, told(receipt))
	}
	return receipt
}

// told lists the attempts of an account.
func told(r *mailer.Receipt) string {
	var b strings.Builder
	for i := range r.Attempts {
		fmt.Fprintf(&b, "%+v\n", r.Attempts[i])
	}
	return b.String()
}

// tried reports whether the account tells of an attempt at the primary.
func tried(r *mailer.Receipt) bool {
	return slices.ContainsFunc(r.Attempts, func(a mailer.Attempt) bool { return a.Route == "primary" && a.Skipped == "" })
}

// passed reports whether it tells that the primary was passed over, and why.
func passed(r *mailer.Receipt) bool {
	return slices.ContainsFunc(r.Attempts, func(a mailer.Attempt) bool { return a.Route == "primary" && a.Skipped != "" })
}

func (r *rig) primary() router.RouteHealth { return r.router.Health()[0] }

func (r *rig) wantState(t *testing.T, want router.State) {
	t.Helper()
	if h := r.primary(); h.Name != "primary" || h.State != want {
		t.Errorf("the primary is %v (%s, %s), want %v", h.State, h.Cause, h.Detail, want)
	}
}

// await waits until something has happened that takes its time.
func (r *rig) await(t *testing.T, happened func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !happened() {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen: %+v", r.primary())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// freePort returns an address where nothing listens, but for the time being.
func freePort(t *testing.T) string {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve starts an SMTP server at addr.
func serve(t *testing.T, addr string, cfg smtpfake.Config) *smtpfake.Server {
	t.Helper()
	l := listen(t, addr)
	server := smtpfake.New(cfg)
	t.Cleanup(server.Close)
	go func() { _ = server.Serve(l) }()
	return server
}

// begun returns how many messages a server saw begin.
func begun(server *smtpfake.Server) int {
	n := 0
	for _, c := range server.Commands() {
		if strings.HasPrefix(c.Line, "MAIL ") {
			n++
		}
	}
	return n
}
