package providers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
)

// entra makes the credential that auth= of a connection string stands for. It asks nobody yet.
func entra(id acs.Identity) (azcore.TokenCredential, error) {
	inner, err := credentialOf(id)
	if err != nil {
		return nil, err
	}
	return credential{inner}, nil
}

// credential says of a failure whether whoever gives out tokens is in trouble.
type credential struct{ azcore.TokenCredential }

// GetToken implements [azcore.TokenCredential].
func (c credential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	silent := new(atomic.Bool)
	token, err := c.TokenCredential.GetToken(context.WithValue(ctx, silentKey{}, silent), options)
	if err != nil && (silent.Load() || isOutage(err)) {
		err = fmt.Errorf("%w: %w", mailer.ErrUnavailable, err)
	}
	return token, err
}

type silentKey struct{}

// silence is a policy that tells credential whether the last request had no reply, which the errors of
// azidentity do not.
type silence struct{}

// Do implements [policy.Policy].
func (silence) Do(req *policy.Request) (*http.Response, error) {
	res, err := req.Next()
	if silent, ok := req.Raw().Context().Value(silentKey{}).(*atomic.Bool); ok {
		silent.Store(err != nil)
	}
	return res, err
}

// isOutage: the reply was no refusal.
func isOutage(err error) bool {
	var failed *azidentity.AuthenticationFailedError
	if !errors.As(err, &failed) || failed.RawResponse == nil {
		return false
	}
	status := failed.RawResponse.StatusCode
	return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

func credentialOf(id acs.Identity) (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{Cloud: cloudOf(id.Endpoint)}
	if id.Auth == "default" {
		return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{ClientOptions: options})
	}
	return managedIdentity(id, options)
}

// managedIdentity is a credential that asks one source, so that a request without a reply means an outage of
// it. The default credential asks several, of which most are not there.
func managedIdentity(id acs.Identity, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	options.PerRetryPolicies = []policy.Policy{silence{}}
	managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
	if id.ClientID != "" {
		managed.ID = azidentity.ClientID(id.ClientID)
	}
	return azidentity.NewManagedIdentityCredential(managed)
}

// cloudOf returns the cloud whose authority gives out tokens for an endpoint.
func cloudOf(endpoint string) cloud.Configuration {
	if u, err := url.Parse(endpoint); err == nil && strings.HasSuffix(strings.ToLower(u.Hostname()), ".azure.us") {
		return cloud.AzureGovernment
	}
	return cloud.AzurePublic
}
