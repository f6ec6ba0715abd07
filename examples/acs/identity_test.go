package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// An appService is what an app finds around it in Azure App Service: the endpoint that gives out the tokens of
// its managed identity, which the service takes.
type appService struct {
	header string
	azure  *acstest.Server

	mu    sync.Mutex
	asked []url.Values
}

func startAppService(t *testing.T, azure *acstest.Server) *appService {
	t.Helper()
	a := &appService{header: rand.Text(), azure: azure}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"IDENTITY_ENDPOINT": server.URL + "/msi/token", "IDENTITY_HEADER": a.header,
		"IDENTITY_SERVER_THUMBPRINT": "", "IMDS_ENDPOINT": "", "MSI_ENDPOINT": "", // other places have these
	} {
		t.Setenv(name, value)
	}
	return a
}

// ServeHTTP is the token endpoint ("How to use managed identities for App Service", section "REST endpoint reference").
func (a *appService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a.mu.Lock()
	a.asked = append(a.asked, q)
	a.mu.Unlock()
	if r.Header.Get("X-IDENTITY-HEADER") != a.header || q.Get("api-version") != "2019-08-01" {
		http.Error(w, `{"statusCode":401,"message":"Unauthorized"}`, http.StatusUnauthorized)
		return
	}
	token, err := a.azure.Credential().GetToken(r.Context(), policy.TokenRequestOptions{Scopes: []string{q.Get("resource") + "/.default"}})
	if err != nil {
		http.Error(w, `{"statusCode":400,"message":"no such resource"}`, http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{
		"access_token": token.Token, "expires_on": strconv.FormatInt(token.ExpiresOn.Unix(), 10),
		"resource": q.Get("resource"), "token_type": "Bearer", "client_id": q.Get("client_id"),
	})
}

// questions returns how often a token was asked for, and the client_id of the last time.
func (a *appService) questions() (n int, clientID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n = len(a.asked); n > 0 {
		clientID = a.asked[n-1].Get("client_id")
	}
	return n, clientID
}
