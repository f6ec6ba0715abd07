package providers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// A platform gives out the tokens of managed identities as Azure App Service does.
type platform struct {
	azure  *acstest.Server
	header string

	mu    sync.Mutex
	asked []url.Values
}

// startPlatform makes this process one that runs in App Service, and takes all other credentials away.
func startPlatform(t *testing.T, azure *acstest.Server) *platform {
	t.Helper()
	p := &platform{azure: azure, header: rand.Text()}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	for _, name := range []string{
		"IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET",
		"AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_TOKEN_CREDENTIALS",
	} {
		t.Setenv(name, "") // which puts it back in the end
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("IDENTITY_ENDPOINT", server.URL+"/msi/token")
	t.Setenv("IDENTITY_HEADER", p.header)
	return p
}

// ServeHTTP is the token endpoint ("How to use managed identities for App Service", section "REST endpoint
// reference"). It has tokens for the service alone, whatever follows its name.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	p.asked = append(p.asked, q)
	p.mu.Unlock()
	if r.Header.Get("X-IDENTITY-HEADER") != p.header || !strings.HasPrefix(q.Get("resource"), "https://communication.azure.com") {
		http.Error(w, `{"statusCode":400,"message":"refused"}`, http.StatusBadRequest)
		return
	}
	token, err := p.azure.Credential().GetToken(r.Context(), policy.TokenRequestOptions{Scopes: []string{"https://communication.azure.com/.default"}})
	if err != nil {
		http.Error(w, `{"statusCode":500,"message":"failed"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{
		"access_token": token.Token, "expires_on": strconv.FormatInt(token.ExpiresOn.Unix(), 10),
		"resource": q.Get("resource"), "token_type": "Bearer",
	})
}

// only returns the one question that there was.
func (p *platform) only(t *testing.T) url.Values {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asked) != 1 {
		t.Fatalf("asked %d times for a token: %v", len(p.asked), p.asked)
	}
	return p.asked[0]
}

// sendThrough sends a message through what s names.
func sendThrough(t *testing.T, s string) error {
	t.Helper()
	sender, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sender.Close(context.Background()) }()
	_, err = sender.Send(t.Context(), &mailer.Message{
		From: mailer.Address{Address: "ann@example.com"}, To: []mailer.Address{{Address: "bob@example.org"}}, Subject: "Hello", Text: "Hello",
	})
	return err
}

// What a connection string says about the identity is what the platform is asked for, and the service takes the token.
//
// azidentity keeps tokens by identity and scope for as long as the process runs, so that each case, and each run of
// it, has a name of its own.
func TestAuth(t *testing.T) {
	id := func() string { return rand.Text() }
	for _, c := range []struct {
		name, params   string
		clientID       string
		scope          string // where it is not the service's own
		clientVariable string
	}{
		{name: "a user-assigned identity", params: "auth=managed-identity", clientID: id()},
		{name: "the system-assigned identity", params: "auth=managed-identity", scope: "https://communication.azure.com/" + id()},
		{name: "the default credential", params: "auth=default", scope: "https://communication.azure.com/" + id()},
		{name: "the default credential, of a user-assigned identity", params: "auth=default", clientVariable: id()},
	} {
		t.Run(c.name, func(t *testing.T) {
			azure := acstest.Start(t, acstest.Config{})
			p := startPlatform(t, azure)
			if c.clientVariable != "" {
				t.Setenv("AZURE_CLIENT_ID", c.clientVariable)
			}
			s, resource := "acs://"+azure.Addr()+"?insecure=true&"+c.params, "https://communication.azure.com"
			if c.clientID != "" {
				s += "&client_id=" + c.clientID
			}
			if c.scope != "" {
				s, resource = s+"&scope="+c.scope+"/.default", c.scope
			}
			if err := sendThrough(t, s); err != nil || len(azure.Messages()) != 1 {
				t.Fatalf("got %v, and %d messages", err, len(azure.Messages()))
			}
			if q := p.only(t); q.Get("client_id") != c.clientID+c.clientVariable || q.Get("resource") != resource {
				t.Errorf("asked for %v", q)
			}
			if d := azure.Denials(); len(d) != 0 {
				t.Errorf("denied: %q", d)
			}
		})
	}
}

// A resource in Azure Government needs a token for the service there. Without one nothing is sent.
func TestAuthGovernment(t *testing.T) {
	p := startPlatform(t, acstest.Start(t, acstest.Config{}))
	err := sendThrough(t, "acs://contoso.communication.azure.us?auth=managed-identity&client_id="+rand.Text())
	if e := mailer.AsSendError(err); e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeAccount || !e.Elsewhere {
		t.Errorf("got %+v", e)
	}
	if q := p.only(t); q.Get("resource") != "https://communication.azure.us" {
		t.Errorf("asked for %v", q)
	}
}

func TestCloudOf(t *testing.T) {
	for endpoint, want := range map[string]cloud.Configuration{
		"https://contoso.communication.azure.com":         cloud.AzurePublic,
		"https://contoso.germany.communication.azure.com": cloud.AzurePublic,
		"https://contoso.communication.azure.us":          cloud.AzureGovernment,
		"https://CONTOSO.Communication.Azure.US:443":      cloud.AzureGovernment,
		"https://azure.us.example.com":                    cloud.AzurePublic,
		"https://notazure.us":                             cloud.AzurePublic,
		"http://127.0.0.1:80":                             cloud.AzurePublic,
		"://":                                             cloud.AzurePublic,
	} {
		if got := cloudOf(endpoint); got.ActiveDirectoryAuthorityHost != want.ActiveDirectoryAuthorityHost {
			t.Errorf("%s: got %s", endpoint, got.ActiveDirectoryAuthorityHost)
		}
	}
}

// The credential is of the kind that auth= names, and nobody is asked before the first message.
func TestCredentialOf(t *testing.T) {
	p := startPlatform(t, nil)
	for auth, is := range map[string]func(azcore.TokenCredential) bool{
		"managed-identity": func(c azcore.TokenCredential) bool { _, ok := c.(*azidentity.ManagedIdentityCredential); return ok },
		"default":          func(c azcore.TokenCredential) bool { _, ok := c.(*azidentity.DefaultAzureCredential); return ok },
	} {
		for _, clientID := range []string{"", "00000000-0000-0000-0000-000000000001"} {
			got, err := credentialOf(acs.Identity{Auth: auth, ClientID: clientID, Endpoint: "https://contoso.communication.azure.com"})
			if err != nil || !is(got) {
				t.Errorf("%s, %q: got %T, %v", auth, clientID, got, err)
			}
		}
	}
	if len(p.asked) != 0 {
		t.Errorf("asked for %v", p.asked)
	}
}

// An identity that the platform refuses is the account's fault, and another route may take the message.
func TestAuthRefused(t *testing.T) {
	azure := acstest.Start(t, acstest.Config{})
	p := startPlatform(t, azure)
	secret := p.header
	p.header = rand.Text()
	err := sendThrough(t, "acs://"+azure.Addr()+"?insecure=true&auth=managed-identity&client_id="+rand.Text())
	e := mailer.AsSendError(err)
	if e.Outcome != mailer.NotAccepted || e.Scope != mailer.ScopeAccount || !e.Elsewhere || !errors.Is(err, mailer.ErrUnauthorized) {
		t.Errorf("got %+v", e)
	}
	if text := fmt.Sprintf("%v %+v", err, e); strings.Contains(text, secret) || strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is %s", text)
	}
	if n := len(azure.Messages()) + len(azure.Requests()); n != 0 {
		t.Errorf("%d requests went out", n)
	}
}

// A platform that does not answer, as while App Service restarts, is an outage.
func TestAuthUnanswered(t *testing.T) {
	p := startPlatform(t, acstest.Start(t, acstest.Config{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })
	for name, endpoint := range map[string]string{
		"refused": "http://127.0.0.1:1/msi/token", "cut": "http://" + listener.Addr().String() + "/msi/token",
	} {
		t.Setenv("IDENTITY_ENDPOINT", endpoint)
		inner, err := managedIdentity(acs.Identity{ClientID: rand.Text()}, azcore.ClientOptions{Retry: policy.RetryOptions{MaxRetries: -1}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = credential{inner}.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://communication.azure.com/.default"}})
		if !errors.Is(err, mailer.ErrUnavailable) || strings.Contains(err.Error(), p.header) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// failing is a credential that always fails.
type failing struct{ err error }

func (f failing) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, f.err
}

// Whoever gives out tokens may be in trouble, which is no refusal of the identity.
func TestOutage(t *testing.T) {
	replied := func(status int) error {
		r := httptest.NewRecorder()
		r.WriteHeader(status)
		res := r.Result()
		res.Request = httptest.NewRequest(http.MethodGet, "/", nil)
		return &azidentity.AuthenticationFailedError{RawResponse: res}
	}
	for _, c := range []struct {
		name   string
		err    error
		outage bool
	}{
		{"a refusal", replied(http.StatusBadRequest), false},
		{"another", replied(http.StatusForbidden), false},
		{"throttled", replied(http.StatusTooManyRequests), true},
		{"an error of the server", replied(http.StatusInternalServerError), true},
		{"a gateway", replied(http.StatusBadGateway), true},
		{"no reply", &azidentity.AuthenticationFailedError{}, false},
		{"something else", errors.New("something else"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := credential{failing{c.err}}.GetToken(t.Context(), policy.TokenRequestOptions{})
			if errors.Is(err, mailer.ErrUnavailable) != c.outage || !errors.Is(err, c.err) {
				t.Errorf("got %v", err)
			}
		})
	}
}
