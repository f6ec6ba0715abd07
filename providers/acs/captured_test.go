package acs_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// TestCallersCapture: a ctx with a place for the caller's own response is shared by sends at the same time, of which
// none writes there.
func TestCallersCapture(t *testing.T) {
	_, client := start(t, acstest.Config{}, nil)
	var response *http.Response
	ctx := policy.WithCaptureResponse(t.Context(), &response)
	var sends sync.WaitGroup
	for range 4 {
		sends.Go(func() {
			if _, err := client.Send(ctx, simple()); err != nil {
				t.Error(err)
			}
		})
	}
	sends.Wait()
	if response != nil {
		t.Errorf("captured %s", response.Status)
	}
}
