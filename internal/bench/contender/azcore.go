package contender

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// An azcoreSession sends as one does who has azcore and writes the rest, since there is no client for
// ACS e-mail in Go: a model for encoding/json and a policy that signs. It shares its pipeline
// with the other callers.
type azcoreSession struct {
	client   *http.Client
	pipeline runtime.Pipeline
	sendURL  string
}

// openAzcore makes a pipeline with that many retries, in azcore's count: 0 means 3, negative none.
func openAzcore(transport transportOf, retries int32) func(Target, int) ([]Session, error) {
	return func(t Target, callers int) ([]Session, error) {
		key, err := base64.StdEncoding.DecodeString(acsKey)
		if err != nil {
			return nil, err
		}
		client := &http.Client{Transport: transport(t.clientTLS(), callers)}
		pipeline := runtime.NewPipeline("bench", "v1.0.0", runtime.PipelineOptions{PerRetry: []policy.Policy{azcoreSigner(key)}},
			&policy.ClientOptions{Transport: client, Retry: policy.RetryOptions{MaxRetries: retries}})
		return same(azcoreSession{client, pipeline, t.baseURL() + acsPath}, callers), nil
	}
}

// azcoreTransport has the settings of azcore's own, which differs from http.DefaultTransport
// in the connections that it keeps.
func azcoreTransport(config *tls.Config, callers int) *http.Transport {
	t := shippedTransport(config, callers)
	t.MaxIdleConnsPerHost = 10
	return t
}

// An azcoreSigner is the key of a policy that signs requests.
type azcoreSigner []byte

func (s azcoreSigner) Do(req *policy.Request) (*http.Response, error) {
	var content []byte
	if body := req.Body(); body != nil {
		var err error
		if content, err = io.ReadAll(body); err != nil {
			return nil, err
		}
		if err := req.RewindBody(); err != nil {
			return nil, err
		}
	}
	raw, digest := req.Raw(), sha256.Sum256(content)
	sum, date := base64.StdEncoding.EncodeToString(digest[:]), time.Now().UTC().Format(http.TimeFormat)
	mac := hmac.New(sha256.New, s)
	_, _ = io.WriteString(mac, raw.Method+"\n"+raw.URL.RequestURI()+"\n"+date+";"+raw.URL.Host+";"+sum)
	raw.Header.Set("X-Ms-Date", date)
	raw.Header.Set("X-Ms-Content-Sha256", sum)
	raw.Header.Set("Authorization", acsAuthorization+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return req.Next()
}

// azcoreMail is EmailMessage of the API's description, as far as it is used here.
type azcoreMail struct {
	SenderAddress string             `json:"senderAddress"`
	Content       azcoreContent      `json:"content"`
	Recipients    azcoreRecipients   `json:"recipients"`
	Attachments   []azcoreAttachment `json:"attachments,omitempty"`
}

type azcoreContent struct {
	Subject   string `json:"subject"`
	PlainText string `json:"plainText,omitempty"`
}

type azcoreRecipients struct {
	To []azcoreAddress `json:"to"`
}

type azcoreAddress struct {
	Address     string `json:"address"`
	DisplayName string `json:"displayName,omitempty"`
}

type azcoreAttachment struct {
	Name            string `json:"name"`
	ContentType     string `json:"contentType"`
	ContentInBase64 []byte `json:"contentInBase64"`
}

func newAzcoreMail(m *Mail) *azcoreMail {
	msg := &azcoreMail{
		SenderAddress: m.From,
		Content:       azcoreContent{Subject: m.Subject, PlainText: m.Text},
		Recipients:    azcoreRecipients{To: []azcoreAddress{{Address: m.To}}},
	}
	if m.Attachment != nil {
		msg.Attachments = []azcoreAttachment{{filepath.Base(m.AttachmentPath), "application/zip", m.Attachment}}
	}
	return msg
}

func (s azcoreSession) Send(m *Mail) error {
	req, err := runtime.NewRequest(context.Background(), http.MethodPost, s.sendURL)
	if err != nil {
		return err
	}
	if err := runtime.MarshalAsJSON(req, newAzcoreMail(m)); err != nil {
		return err
	}
	resp, err := s.pipeline.Do(req)
	if err != nil {
		return err
	}
	if !runtime.HasStatusCode(resp, http.StatusAccepted) {
		return runtime.NewResponseError(resp)
	}
	var operation struct {
		ID string `json:"id"`
	}
	if err := runtime.UnmarshalAsJSON(resp, &operation); err != nil {
		return err
	}
	if operation.ID == "" {
		return errors.New("azcore: no id")
	}
	return nil
}

func (s azcoreSession) Close() error {
	s.client.CloseIdleConnections()
	return nil
}
