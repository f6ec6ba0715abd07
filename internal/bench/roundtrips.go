package main

import (
	"net"
	"strings"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/internal/testcert"
)

// roundTrips is G1: what is said for a message on a warm connection, counted by a strict server.
func (r *run) roundTrips() error {
	t := &table{
		title: "G1: round trips for each message on a warm connection (exact)",
		heads: []string{"contender", "plaintext", "TLS + AUTH", "commands", "NOOP + RSET"},
	}
	all := make(results)
	for _, c := range steady() {
		row, counted := []string{label(c)}, sample(nil)
		for _, w := range []way{plain, encrypted} {
			var err error
			if counted, err = countTrips(c, w, r.counted); err != nil {
				return err
			}
			row = append(row, number(counted[trips]))
		}
		all[c.Name] = map[string][]float64{trips: {counted[trips]}, idle: {counted[idle]}}
		t.row(append(row, number(counted[commands]), number(counted[idle]))...)
	}
	t.print(r.out)
	verdicts("G1: goals", []verdict{
		atMost("Mailkeel with PIPELINING and CHUNKING", 2, all.figure(contender.Mailkeel, trips)),
		atMost("Mailkeel with PIPELINING", 2, all.figure(contender.MailkeelData, trips)),
		atMost("Mailkeel, one flight", 1, all.figure(contender.MailkeelOneFlight, trips)),
		atMost("NOOP and RSET of Mailkeel", 0, all.figure(contender.Mailkeel, idle)),
	}).print(r.out)
	return nil
}

// The quantities of G1.
const (
	trips    = "round trips"
	commands = "commands"
	idle     = "NOOP and RSET"
)

func countTrips(c contender.Contender, w way, messages int) (sample, error) {
	fake, target, err := countingServer(w)
	if err != nil {
		return nil, err
	}
	defer fake.Close()
	sessions, err := c.Open(target, 1)
	if err != nil {
		return nil, err
	}
	defer contender.CloseAll(sessions)
	m := contender.Small()
	if err := sessions[0].Send(m); err != nil {
		return nil, err
	}
	before, spoken := fake.Stats(), len(fake.Commands())
	for range messages {
		if err := sessions[0].Send(m); err != nil {
			return nil, err
		}
	}
	after, n := fake.Stats(), float64(messages)
	pointless := 0
	for _, command := range fake.Commands()[spoken:] {
		if strings.HasPrefix(command.Line, "NOOP") || strings.HasPrefix(command.Line, "RSET") {
			pointless++
		}
	}
	return sample{
		trips:    float64(after.Flights-before.Flights) / n,
		commands: float64(after.Commands-before.Commands) / n,
		idle:     float64(pointless) / n,
	}, nil
}

func countingServer(w way) (*smtpfake.Server, contender.Target, error) {
	cfg := smtpfake.Config{Extensions: smtpfake.AllExtensions()}
	target := contender.Target{Host: "127.0.0.1"}
	if w == encrypted {
		certs, err := testcert.New()
		if err != nil {
			return nil, target, err
		}
		cfg.TLS, cfg.ImplicitTLS, cfg.RequireAuth = testcert.Server(certs.Valid), true, true
		cfg.Users = map[string]string{"user": "secret"}
		target.Roots, target.Username, target.Password = certs.Roots, "user", "secret"
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, target, err
	}
	target.Port = l.Addr().(*net.TCPAddr).Port
	fake := smtpfake.New(cfg)
	go func() { _ = fake.Serve(l) }()
	return fake, target, nil
}

// steady is every contender but the one that replaces its connections.
func steady() []contender.Contender {
	var list []contender.Contender
	for _, c := range contender.All() {
		if c.Name != contender.MailkeelDefault {
			list = append(list, c)
		}
	}
	return list
}

func label(c contender.Contender) string {
	if c.Raw {
		return c.Name + " (bytes)"
	}
	return c.Name
}
