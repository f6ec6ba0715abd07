package providers

import (
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/mailkeel/mailkeel/providers/acs"
)

// entra makes the credential that auth= of a connection string stands for. It asks nobody yet.
func entra(id acs.Identity) (azcore.TokenCredential, error) {
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
