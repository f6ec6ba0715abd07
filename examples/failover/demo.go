package main

import (
	"net"
	"net/http"
	"sync/atomic"

	"github.com/mailkeel/mailkeel/internal/smtpfake"
	"github.com/mailkeel/mailkeel/providers/sendgrid/sendgridtest"
)

// A demo is two providers on this machine, the first of which can be made to fail.
type demo struct {
	primary *smtpfake.Server
	backup  *sendgridtest.Server
	address string // of the primary
	state   atomic.Value
}

func startDemo() (*demo, error) {
	backup, err := sendgridtest.New(sendgridtest.Config{})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		backup.Close()
		return nil, err
	}
	d := &demo{backup: backup, address: l.Addr().String()}
	d.state.Store("up")
	d.primary = smtpfake.New(smtpfake.Config{Extensions: smtpfake.AllExtensions(), Hook: d.misbehave})
	go func() { _ = d.primary.Serve(l) }()
	return d, nil
}

// url is in clear text, which is possible with servers on this machine only.
func (d *demo) url() string {
	return "failover(smtp+plaintext://" + d.address + "?name=primary sendgrid://" +
		d.backup.Key() + "@" + d.backup.Addr() + "?name=backup&insecure=true)"
}

func (d *demo) close() {
	d.primary.Close()
	d.backup.Close()
}

func (d *demo) misbehave(e *smtpfake.Event) smtpfake.Action {
	switch state := d.state.Load(); {
	case state == "down":
		return smtpfake.Action{Silent: true, Then: smtpfake.RST}
	case state == "lost" && e.Point == smtpfake.Content:
		return smtpfake.Action{Decision: smtpfake.Accept, Silent: true, Then: smtpfake.RST}
	}
	return smtpfake.Action{}
}

// setPrimary is for who tries the program.
func (d *demo) setPrimary(w http.ResponseWriter, r *http.Request) {
	switch state := r.PathValue("state"); state {
	case "up", "down", "lost":
		d.state.Store(state)
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "the primary can be up, down, or lost (its replies are)", http.StatusBadRequest)
	}
}
