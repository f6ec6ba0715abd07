package acs

import (
	"net/http"
	"testing"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
)

// TestEndpoint: the host is signed as it is sent, in lower case and without the usual port.
func TestEndpoint(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://contoso.communication.azure.com":      "contoso.communication.azure.com",
		"HTTPS://Contoso.Communication.Azure.Com:443/": "contoso.communication.azure.com",
		"https://contoso.communication.azure.com:8443": "contoso.communication.azure.com:8443",
		"http://localhost:443/":                        "localhost:443",
	} {
		client, err := New(Config{Endpoint: endpoint, AllowPlaintext: true, Key: mailer.NewSecret(vectorKey)})
		if err != nil {
			t.Fatalf("%s: %v", endpoint, err)
		}
		req, err := client.request(t.Context(), http.MethodGet, operationPath+vectorID, nil)
		if err != nil {
			t.Fatal(err)
		}
		if raw := req.Raw(); raw.Host != want || raw.URL.Host != want {
			t.Errorf("%s: the host is %q, in the URL %q; want %q", endpoint, raw.Host, raw.URL.Host, want)
		}
	}
}

// TestTheirTime: the service's clock counts where ours is more than two minutes off, either way.
func TestTheirTime(t *testing.T) {
	now := time.Date(2026, 11, 2, 15, 4, 5, 0, time.UTC)
	for off, theirs := range map[time.Duration]bool{
		0: false, 2 * time.Minute: false, -2 * time.Minute: false,
		2*time.Minute + time.Second: true, -2*time.Minute - time.Second: true,
	} {
		date := now.Add(off)
		got := theirTime(http.Header{"Date": {date.Format(http.TimeFormat)}}, now)
		if theirs && !got.Equal(date) || !theirs && !got.Equal(now) {
			t.Errorf("%v off: %v", off, got)
		}
	}
	for _, field := range []string{"", "yesterday"} {
		if got := theirTime(http.Header{"Date": {field}}, now); !got.Equal(now) {
			t.Errorf("Date %q: %v", field, got)
		}
	}
}
