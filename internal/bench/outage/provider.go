package outage

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/smtp"
)

// An estate is the servers of one run, and the adapters that lead to them.
type estate struct {
	certs           *testcert.Set
	primary, backup *provider
	tried           *watched // to the primary
	second          *smtp.Client
	stops           []func()
}

// A provider is a server on loopback and what it has really taken.
type provider struct {
	port int
	// truth is nil where nothing can be taken.
	truth *smtpfake.Server
}

// build starts the servers of a scenario.
func build(s Scenario, p Plan) (*estate, error) {
	certs, err := testcert.New()
	if err != nil {
		return nil, err
	}
	e := &estate{certs: certs}
	if err := e.open(s, p); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *estate) open(s Scenario, p Plan) (err error) {
	if e.primary, err = s.primary(p, e); err != nil {
		return err
	}
	if e.backup, err = e.provider(nil); err != nil {
		return err
	}
	first, err := e.client("primary", e.primary)
	if err != nil {
		return err
	}
	e.tried = &watched{Sender: first, tried: make(map[string]bool)}
	e.second, err = e.client("backup", e.backup)
	return err
}

func (e *estate) close() {
	for _, stop := range e.stops {
		stop()
	}
}

func listen() (*net.TCPListener, error) {
	return net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
}

func portOf(l net.Listener) int { return int(netip.MustParseAddrPort(l.Addr().String()).Port()) }

// provider starts a server that takes mail, apart from what the hook does to it.
func (e *estate) provider(hook smtpfake.Hook) (*provider, error) {
	l, err := listen()
	if err != nil {
		return nil, err
	}
	s := smtpfake.New(smtpfake.Config{
		Extensions: smtpfake.AllExtensions(), TLS: testcert.Server(e.certs.Valid), ImplicitTLS: true,
		Users: map[string]string{user: password}, RequireAuth: true,
		Content: smtpfake.DigestContent, Hook: hook,
	})
	go func() { _ = s.Serve(l) }()
	e.stops = append(e.stops, s.Close)
	return &provider{port: portOf(l), truth: s}, nil
}

// blackHole accepts connections and says nothing.
func (e *estate) blackHole() (*provider, error) {
	l, err := listen()
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	wg.Go(func() { swallow(l) })
	e.stops = append(e.stops, func() {
		_ = l.Close()
		wg.Wait()
	})
	return &provider{port: portOf(l)}, nil
}

// swallow keeps all connections until l is closed.
func swallow(l net.Listener) {
	var taken []net.Conn
	for {
		conn, err := l.Accept()
		if err != nil {
			break
		}
		taken = append(taken, conn)
	}
	for _, conn := range taken {
		_ = conn.Close()
	}
}

// refusingPort is one on which nobody listens: below those from which the system takes the ports of
// outgoing connections, which could otherwise meet themselves.
const refusingPort = 1

const (
	user     = "user"
	password = "secret"
)

// client is the adapter as its users have it, but for the limit of connections: it is above the number
// of messages under way, so that it is not the pool which keeps messages from a slow provider.
func (e *estate) client(name string, p *provider) (*smtp.Client, error) {
	c, err := smtp.New(smtp.Config{
		Name: name, Host: "127.0.0.1", Port: p.port, Security: smtp.ImplicitTLS,
		TLSConfig: e.certs.Client("127.0.0.1"), Username: user, Password: mailer.NewSecret(password), MaxConns: 512,
	})
	if err != nil {
		return nil, err
	}
	e.stops = append(e.stops, func() { _ = c.Close(context.Background()) })
	return c, nil
}
