package main

import (
	"os"
	"path/filepath"

	"github.com/mailkeel/mailkeel/internal/testcert"
)

// servers are the three providers on this machine.
type servers struct {
	primary *primary
	backup  *backup
	relay   *relay
	folder  string
}

func startServers() (*servers, error) {
	certs, err := testcert.New()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		return nil, err
	}
	s := &servers{folder: folder}
	if err := s.start(certs); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *servers) start(certs *testcert.Set) error {
	caFile, err := writeRoots(certs, s.folder)
	if err != nil {
		return err
	}
	if s.primary, err = startPrimary(certs, caFile); err != nil {
		return err
	}
	if s.backup, err = startBackup(certs, caFile); err != nil {
		return err
	}
	s.relay, err = startRelay(certs, caFile)
	return err
}

// writeRoots stores the authority of certs in folder, as connection strings need it.
func writeRoots(certs *testcert.Set, folder string) (caFile string, err error) {
	caFile = filepath.Join(folder, "ca.pem")
	return caFile, os.WriteFile(caFile, certs.RootsPEM, 0o600)
}

// url makes one Sender of the three. A route that failed rests for 10 s, unless told otherwise;
// nobody wants to wait for that here. A machine that is busy is not to look like a slow
// provider, for then the story would be another one.
func (s *servers) url() string {
	return "failover(" + s.primary.url + " " + s.backup.url + " " + s.relay.url + ")?rest=50ms&start_limit=10s&reply_limit=10s"
}

// copies returns how many messages each of the three took for address.
func (s *servers) copies(address string) holdings {
	return holdings{s.primary.copies(address), s.backup.copies(address), s.relay.copies(address)}
}

// stop ends the three; what they took can still be seen.
func (s *servers) stop() {
	if s.primary != nil {
		s.primary.Close()
	}
	if s.backup != nil {
		s.backup.Close()
	}
	if s.relay != nil {
		s.relay.Close()
	}
}

func (s *servers) close() {
	s.stop()
	_ = os.RemoveAll(s.folder)
}
