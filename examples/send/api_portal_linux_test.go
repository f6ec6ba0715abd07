package main

import "testing"

// The connection string that the Azure portal shows opens as it is, alone and as a member. It has no place for
// authorities: those of this system are replaced, which Go lets an environment variable do on some systems.
func TestPortalConnectionString(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", caFile)
	for name, around := range map[string][2]string{"alone": {"", ""}, "in a router": {"failover(", ")"}} {
		t.Run(name, func(t *testing.T) {
			server := serveTLS(t, acsAPI)
			_, wait := start(t, around[0]+"endpoint=https://"+server.Addr()+"/;accesskey="+accessKey+around[1], "text", bare("bob@example.org")...)
			got := wait()
			if got.code != exitAccepted || got.stderr != "" {
				t.Errorf("exit status %d: %s", got.code, got.stderr)
			}
			server.only(t)
			server.checkSilent(t, got, "bob@example.org")
		})
	}
}
