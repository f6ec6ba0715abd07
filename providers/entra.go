package providers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

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
	token, err := c.TokenCredential.GetToken(ctx, options)
	if isOutage(err) {
		err = fmt.Errorf("%w: %w", mailer.ErrUnavailable, err)
	}
	return token, err
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
