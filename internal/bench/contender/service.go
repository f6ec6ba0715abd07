package contender

import (
	"crypto/tls"
	"net/http"
)

// A Service is a provider's HTTP API, with the ways to send through it. They send text and the
// attachment that was loaded, no HTML and nothing inline.
type Service struct {
	Name string
	// Mailkeel is the adapter, Shipped its peer, which is the vendor's client, with the transport it comes
	// with, Tuned the same with a transport that keeps a connection for each caller.
	Mailkeel, Shipped, Tuned string
	Contenders               []Contender
	// Notes belong under its tables.
	Notes []string
}

// What the contenders say they are.
const (
	apiKey    = "SG.0123456789abcdef.0123456789abcdef0123456789abcdef"
	apiDomain = "mg.example.com"
)

// Services returns the services, their contenders in the order of All.
func Services() []Service { return []Service{sendGridService(), mailgunService(), acsService()} }

func sendGridService() Service {
	return Service{
		Name: "SendGrid", Mailkeel: "Mailkeel, SendGrid", Shipped: "sendgrid-go", Tuned: "sendgrid-go, tuned transport",
		Contenders: []Contender{
			{Name: "Mailkeel, SendGrid", Kind: Ours, Open: openMailkeelSendGrid},
			{Name: "sendgrid-go", Kind: Peer, Open: openSendGrid(shippedTransport)},
			{Name: "sendgrid-go, tuned transport", Kind: Peer, Sizes: SmallOnly, Open: openSendGrid(tunedTransport)},
			{Name: "limit: SendGrid, net/http by hand", Kind: Limit, Open: openByHand(sendGridWire)},
			{Name: "limit: SendGrid, raw HTTP/1.1 socket", Kind: Limit, Sizes: SmallOnly, Open: each(openSocket(sendGridWire))},
		},
	}
}

func mailgunService() Service {
	return Service{
		Name: "Mailgun", Mailkeel: "Mailkeel, Mailgun", Shipped: "mailgun-go", Tuned: "mailgun-go, tuned transport",
		Contenders: []Contender{
			{Name: "Mailkeel, Mailgun", Kind: Ours, Open: openMailkeelMailgun},
			{Name: "mailgun-go", Kind: Peer, Open: openMailgun(shippedTransport, addBuffer)},
			{Name: "mailgun-go, attachment from a reader", Kind: Peer, Sizes: LargeOnly, Open: openMailgun(shippedTransport, addReader)},
			{Name: "mailgun-go, tuned transport", Kind: Peer, Sizes: SmallOnly, Open: openMailgun(tunedTransport, addBuffer)},
			{Name: "limit: Mailgun, net/http by hand", Kind: Limit, Open: openByHand(mailgunWire)},
			{Name: "limit: Mailgun, net/http by hand, MIME", Kind: Limit, Open: openByHand(mailgunMIMEWire)},
			{Name: "limit: Mailgun, raw HTTP/1.1 socket", Kind: Limit, Sizes: SmallOnly, Open: each(openSocket(mailgunWire))},
		},
	}
}

// acsService has no vendor's client. Its peer is azcore's pipeline, with azcore's own transport and retries, and
// with a transport that keeps a connection for each caller and no retries.
func acsService() Service {
	return Service{
		Name: "ACS", Mailkeel: "Mailkeel, ACS", Shipped: "azcore", Tuned: "azcore, no retries, tuned transport",
		Contenders: []Contender{
			{Name: "Mailkeel, ACS", Kind: Ours, Open: openMailkeelACS},
			{Name: "azcore", Kind: Peer, Open: openAzcore(azcoreTransport, 0)},
			{Name: "azcore, no retries, tuned transport", Kind: Peer, Open: openAzcore(tunedTransport, -1)},
			{Name: "limit: ACS, net/http by hand", Kind: Limit, Open: openByHand(acsWire)},
		},
		Notes: []string{
			"Requests may have 30 MB here, as after Microsoft's support has raised the limit; Mailkeel's quota is off. " +
				"The signature covers the body, which everybody reads twice.",
		},
	}
}

// baseURL is where the API begins.
func (t Target) baseURL() string {
	if t.Roots == nil {
		return "http://" + t.address()
	}
	return "https://" + t.address()
}

// clientTLS is what the API's clients get; nil means plaintext.
func (t Target) clientTLS() *tls.Config {
	if t.Roots == nil {
		return nil
	}
	return t.tlsConfig()
}

// A transportOf makes a transport for that many callers.
type transportOf func(config *tls.Config, callers int) *http.Transport

// shippedTransport is http.DefaultTransport, which both vendors' clients use, in all but whom it trusts.
func shippedTransport(config *tls.Config, _ int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = config
	return t
}

func tunedTransport(config *tls.Config, callers int) *http.Transport {
	t := shippedTransport(config, callers)
	t.MaxIdleConns, t.MaxIdleConnsPerHost = callers, callers
	return t
}

// same is one session that all callers share.
func same(s Session, callers int) []Session {
	sessions := make([]Session, callers)
	for i := range sessions {
		sessions[i] = s
	}
	return sessions
}
