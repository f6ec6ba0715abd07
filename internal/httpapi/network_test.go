package httpapi_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailkeel/mailkeel/internal/httpapi"
	"github.com/mailkeel/mailkeel/internal/ledger"
	"github.com/mailkeel/mailkeel/internal/testcert"
	"github.com/mailkeel/mailkeel/mailer"
)

// TestConfigErrors names what is wrong, and repeats nothing of it.
func TestConfigErrors(t *testing.T) {
	ok := func(c *httpapi.Config) {}
	for _, c := range []struct {
		base   string
		change func(*httpapi.Config)
		want   string // in the error; empty means that there is none
	}{
		{"https://api.example.com", ok, ""},
		{"https://api.example.com/", ok, ""},
		{"https://api.example.com:8443", ok, ""},
		{"https://[2001:db8::1]:8443", ok, ""},
		{"http://127.0.0.1:8080", func(c *httpapi.Config) { c.AllowPlaintext = true }, ""},
		{"http://[::1]:8080", func(c *httpapi.Config) { c.AllowPlaintext = true }, ""},
		{"http://localhost", func(c *httpapi.Config) { c.AllowPlaintext = true }, ""},
		{"http://LOCALHOST", func(c *httpapi.Config) { c.AllowPlaintext = true }, ""},
		{"", ok, "BaseURL names no host"},
		{"api.example.com", ok, "BaseURL"},
		{"https://", ok, "BaseURL names no host"},
		{"https://:443", ok, "BaseURL names no host"},
		{"ftp://api.example.com", ok, "BaseURL does not begin with https://"},
		{"https:api.example.com", ok, "BaseURL"},
		{"https://user:" + secret + "@api.example.com", ok, "BaseURL is more than"},
		{"https://api.example.com/v3", ok, "BaseURL is more than"},
		{"https://api.example.com?key=" + secret, ok, "BaseURL is more than"},
		{"https://api.example.com?", ok, "BaseURL is more than"},
		{"https://api.example.com#" + secret, ok, "BaseURL is more than"},
		{"https://api.example.com:" + secret, ok, "BaseURL is not a URL"},
		{"https://api.exa\r\nmple.com", ok, "BaseURL is not a URL"},
		{"https://api.exa mple.com", ok, "BaseURL is not a URL"},
		{"https://api.exa%0d%0ample.com", ok, "BaseURL is not a URL"},
		{"http://127.0.0.1", ok, "AllowPlaintext"},
		{"http://api.example.com", func(c *httpapi.Config) { c.AllowPlaintext = true }, "another machine"},
		{"http://localhost.example.com", func(c *httpapi.Config) { c.AllowPlaintext = true }, "another machine"},
		{"http://128.0.0.1", func(c *httpapi.Config) { c.AllowPlaintext = true }, "another machine"},
		{"https://a.example", func(c *httpapi.Config) { c.TLSConfig = &tls.Config{InsecureSkipVerify: true} }, "InsecureSkipVerify"},
		{"https://a.example", func(c *httpapi.Config) { c.Timeout = -1 }, "Timeout"},
		{"https://a.example", func(c *httpapi.Config) { c.StallTimeout = -1 }, "StallTimeout"},
		{"https://a.example", func(c *httpapi.Config) { c.ReplyTimeout = -1 }, "ReplyTimeout"},
		{"https://a.example", func(c *httpapi.Config) { c.MaxConns = -1 }, "MaxConns"},
		{"https://a.example", func(c *httpapi.Config) { c.IdleTimeout = -1 }, ""},
	} {
		cfg := httpapi.Config{BaseURL: c.base}
		c.change(&cfg)
		_, err := httpapi.New(cfg)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret)) {
			t.Errorf("%s: got %v, want %q", c.base, err, c.want)
		}
	}
}

// TestTLS is HTTP row 1 and P21: a server that cannot prove who it is gets nothing, and whose fault that is.
func TestTLS(t *testing.T) {
	cut := func(c tls.Certificate) *tls.Config {
		config := testcert.Server(c)
		config.SessionTicketsDisabled = true
		return config
	}
	old := cut(certs.Valid)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	for _, c := range []struct {
		name   string
		server *tls.Config
		client func(*httpapi.Config)
		want   ledger.Verdict
		is     error
	}{
		{"valid", cut(certs.Valid), nil, ledger.Accepted, nil},
		{"another authority", cut(certs.Valid), func(c *httpapi.Config) { c.TLSConfig = nil }, ledger.ProviderRefuses, mailer.ErrTLSPolicy},
		{"self-signed", cut(certs.SelfSigned), nil, ledger.ProviderRefuses, mailer.ErrTLSPolicy},
		{"expired", cut(certs.Expired), nil, ledger.ProviderRefuses, mailer.ErrTLSPolicy},
		{"another name", cut(certs.WrongName), nil, ledger.ProviderRefuses, mailer.ErrTLSPolicy},
		{"TLS 1.1", old, nil, ledger.ProviderDown, mailer.ErrUnavailable},
		{"a lower limit is no limit", old, func(c *httpapi.Config) { c.TLSConfig.MinVersion = tls.VersionTLS10 }, ledger.ProviderDown, mailer.ErrUnavailable},
		{"no TLS at all", nil, nil, ledger.ProviderDown, mailer.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &sink{tls: c.server}
				if c.server == nil {
					server.script = func(v *visit) { _ = v.say("HTTP/1.1 400 This is no TLS\r\n\r\n"); v.drain() }
				}
				r := newRig(t, server, func(cfg *httpapi.Config) {
					mute(cfg)
					if c.client != nil {
						c.client(cfg)
					}
				})
				v := r.send(t.Context(), 1000)
				v.is(t, c.want, map[bool]int{true: 202}[c.want == ledger.Accepted])
				if !errors.Is(v.err, c.is) {
					t.Errorf("got %v, want %v", v.err, c.is)
				}
				r.close()
				if _, heads, _ := server.truth(); (heads > 0) != (c.want == ledger.Accepted) || r.wires.open() != 0 {
					t.Errorf("%d requests, %d connections left", heads, r.wires.open())
				}
			})
		})
	}
}

// TestServerName: what the certificate is checked against, and what the server is told.
func TestServerName(t *testing.T) {
	for configured, want := range map[string]string{"": "localhost", "wrong.example.com": "wrong.example.com"} {
		synctest.Test(t, func(t *testing.T) {
			var name string
			var protocols []string
			config := serverTLS()
			config.Certificates = []tls.Certificate{certs.Valid, certs.WrongName}
			config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				name, protocols = hello.ServerName, hello.SupportedProtos
				return nil, nil
			}
			mine := certs.Client(configured)
			r := newRig(t, &sink{tls: config}, func(c *httpapi.Config) { c.TLSConfig = mine })
			r.send(t.Context(), 1000).is(t, ledger.Accepted, 202)
			r.close()
			if name != want || strings.Join(protocols, " ") != "http/1.1" {
				t.Errorf("SNI %q, ALPN %q", name, protocols)
			}
			if mine.ServerName != configured || mine.NextProtos != nil {
				t.Error("the caller's TLSConfig was changed")
			}
		})
	}
}

// TestPlaintextStaysHere is P21: plain HTTP to this machine goes to this machine, wherever the
// transport or a proxy would take it.
func TestPlaintextStaysHere(t *testing.T) {
	for name, change := range map[string]func(*httpapi.Config){
		"direct":      func(*httpapi.Config) {},
		"HTTP proxy":  viaProxy("http://proxy.example.com:3128"),
		"SOCKS proxy": viaProxy("socks5://proxy.example.com:1080"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &fakeProxy{}
				r := newRig(t, &sink{}, change)
				client, err := httpapi.New(httpapi.Config{
					BaseURL: "http://127.0.0.1:8025", AllowPlaintext: true, Proxy: proxyOf(change),
					Dial: func(context.Context, string, string) (net.Conn, error) { return elsewhere{p.pipe(r.sink)}, nil },
				})
				if err != nil {
					t.Fatal(err)
				}
				r.api.Client = client
				v := r.send(t.Context(), 1000)
				v.is(t, ledger.AccountRefused, 0)
				if !errors.Is(v.err, httpapi.ErrNotLoopback) {
					t.Errorf("got %v", v.err)
				}
				_ = client.Close(t.Context())
				r.close()
				p.close()
				if _, heads, _ := r.sink.truth(); heads > 0 {
					t.Error("a request left this machine in the clear")
				}
			})
		})
	}
}

func proxyOf(change func(*httpapi.Config)) func(*url.URL) (*url.URL, error) {
	cfg := httpapi.Config{Proxy: func(*url.URL) (*url.URL, error) { return nil, nil }}
	change(&cfg)
	return cfg.Proxy
}

// elsewhere is a connection to another machine.
type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

// TestDialFails is HTTP row 1.
func TestDialFails(t *testing.T) {
	for name, err := range map[string]error{
		"no such host": &net.DNSError{Err: "no such host", IsNotFound: true},
		"refused":      &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")},
		"end":          net.ErrClosed,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, &sink{}, func(c *httpapi.Config) {
				c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, err }
			})
			v := r.send(t.Context(), 1000)
			if v.is(t, ledger.ProviderDown, 0); !errors.Is(v.err, err) {
				t.Errorf("%s: got %v", name, v.err)
			}
			r.close()
		})
	}
}

// TestDialAddress: where it goes, with the usual ports where none is named.
func TestDialAddress(t *testing.T) {
	for base, want := range map[string]string{
		"https://api.example.com":    "api.example.com:443",
		"https://api.example.com:1":  "api.example.com:1",
		"https://[2001:db8::1]":      "[2001:db8::1]:443",
		"http://localhost":           "localhost:80",
		"http://[::1]:8080":          "[::1]:8080",
		"https://API.example.com./":  "API.example.com.:443",
		"https://192.0.2.1:65535":    "192.0.2.1:65535",
		"https://bücher.example.com": "bücher.example.com:443",
	} {
		got := ""
		r := newRig(t, &sink{}, func(c *httpapi.Config) {
			c.BaseURL = base
			c.Proxy = func(*url.URL) (*url.URL, error) { return nil, nil }
			c.Dial = func(_ context.Context, network, address string) (net.Conn, error) {
				got = network + " " + address
				return nil, errors.New("no")
			}
		})
		if r.send(t.Context(), 1); got != "tcp "+want {
			t.Errorf("%s dials %q, want %q", base, got, want)
		}
		r.close()
	}
}
