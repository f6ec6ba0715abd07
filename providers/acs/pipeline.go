package acs

import (
	"context"
	"io"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/mailkeel/mailkeel/internal/httpapi"
)

// noRetries turns azcore's own retries off: they would repeat a request that was perhaps accepted.
var noRetries = policy.RetryOptions{MaxRetries: -1}

// newPipeline is azcore's, with our transport at its end. The policies of authentication stand behind the
// place of the retries, where each request is signed as it is sent.
func (c *Client) newPipeline() runtime.Pipeline {
	return runtime.NewPipeline("mailkeel/acs", "v1.0.0", runtime.PipelineOptions{PerRetry: c.authentication()}, &policy.ClientOptions{
		Retry:     noRetries,
		Telemetry: policy.TelemetryOptions{Disabled: true}, // the transport has a User-Agent
		Transport: httpapi.Transport{},
	})
}

func (c *Client) authentication() []policy.Policy {
	if c.tokens == nil {
		return []policy.Policy{newSigner(c.cfg.Key)}
	}
	return []policy.Policy{c.tokens}
}

// request makes a request of the pipeline. Body is nil where there is none. What ctx asks azcore for, by
// policy.WithRetryOptions, policy.WithHTTPHeader and policy.WithCaptureResponse, is meant for the caller's own requests.
func (c *Client) request(ctx context.Context, method, path string, body io.ReadSeekCloser) (*policy.Request, error) {
	ctx = policy.WithHTTPHeader(policy.WithRetryOptions(ctx, noRetries), http.Header{})
	ctx = policy.WithCaptureResponse(ctx, new(*http.Response))
	target := c.base
	target.Path = path
	raw := &http.Request{
		Method: method, URL: &target, Host: target.Host, Header: make(http.Header, 8),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if body != nil {
		raw.Body = body
		raw.Header["Content-Type"] = []string{"application/json"}
	}
	return runtime.NewRequestFromRequest(raw.WithContext(ctx))
}

// run sends req. What became of it the transport tells, not the response.
func (c *Client) run(req *policy.Request) error {
	runtime.SkipBodyDownload(req) // it is in memory
	res, err := c.pipeline.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// isRefused reports whether the credential was refused, and may be tried once more: by then the
// service has definitely not taken the message.
func isRefused(req *policy.Request, res *http.Response, err error) bool {
	return err == nil && res.StatusCode == http.StatusUnauthorized && httpapi.Exchanges(req.Raw().Context()) == 1
}
