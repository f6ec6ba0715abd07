package main

import (
	"os"

	"github.com/mailkeel/mailkeel/internal/testcert"
)

// servers are the two mail servers on this machine.
type servers struct {
	primary *primary
	backup  *backup
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
	s.backup, err = startBackup(certs, caFile)
	return err
}

// url makes one Sender of the two. A primary that failed rests for 10 s, unless told otherwise;
// nobody wants to wait for that here. A machine that is busy is not to look like a slow
// provider, for then the story would be another one.
func (s *servers) url() string {
	return "failover(" + s.primary.url + " " + s.backup.url + ")?rest=50ms&start_limit=10s&reply_limit=10s"
}

func (s *servers) close() {
	if s.primary != nil {
		s.primary.Close()
	}
	if s.backup != nil {
		s.backup.Close()
	}
	_ = os.RemoveAll(s.folder)
}
