package speccheck

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/providers/acs"
	"github.com/mailkeel/mailkeel/providers/acs/acstest"
)

// acsSpec names the folder "stable" of the Email API in Azure/azure-rest-api-specs, with the other
// folders that its files refer to around it.
const acsSpec = "MAILKEEL_ACS_SPEC"

var acsVersions = []string{"2023-03-31", "2025-09-01"}

// acsSchema compiles a definition of one version.
func acsSchema(t *testing.T, version, definition string) *jsonschema.Schema {
	t.Helper()
	folder := os.Getenv(acsSpec)
	if folder == "" {
		t.Skipf("%s does not name the folder with Azure's descriptions of the Email API", acsSpec)
	}
	schema, err := compile(filepath.Join(folder, version, "CommunicationServicesEmail.json"), "/definitions/"+definition)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// acsMessages are the shapes of message that the service can carry.
func acsMessages(version string) map[string]mailer.Message {
	shapes := make(map[string]mailer.Message)
	for name, m := range messages() {
		switch name {
		case "schedule", "template", "options":
			continue
		case "attachments":
			if version == "2023-03-31" {
				m.Attachments = m.Attachments[:1]
			}
		case "tracking":
			m.TrackOpens = mailer.Off
		}
		shapes[name] = m
	}
	return shapes
}

// acsRequests returns the requests that carry msg and then ask for its operation, and the service's replies.
func acsRequests(t *testing.T, version string, msg *mailer.Message) []acstest.Request {
	t.Helper()
	server := acstest.Start(t, acstest.Config{})
	client, err := acs.New(acs.Config{
		Endpoint: server.URL(), AllowPlaintext: true, Key: mailer.NewSecret(server.Key()), APIVersion: version, GuardMessageID: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	receipt, err := client.Send(t.Context(), msg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Status(t.Context(), receipt.ProviderMessageID); err != nil {
		t.Fatal(err)
	}
	requests := server.Requests()
	if len(requests) != 2 {
		t.Fatalf("%d requests, want 2", len(requests))
	}
	return requests
}

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// TestACSRequests validates what the adapter sends for every shape of message, in both versions.
func TestACSRequests(t *testing.T) {
	for _, version := range acsVersions {
		schema := acsSchema(t, version, "EmailMessage")
		for name, msg := range acsMessages(version) {
			t.Run(version+"/"+name, func(t *testing.T) {
				requests := acsRequests(t, version, &msg)
				send, read := requests[0], requests[1]
				if err := validate(schema, send.Body); err != nil {
					t.Error(err)
				}
				id := send.Header.Get("Operation-Id")
				if send.Method != http.MethodPost || send.Path != "/emails:send" || send.Query != "api-version="+version || !uuid.MatchString(id) {
					t.Errorf("%s %s?%s with Operation-Id %q", send.Method, send.Path, send.Query, id)
				}
				if read.Method != http.MethodGet || read.Path != "/emails/operations/"+id || read.Query != "api-version="+version {
					t.Errorf("then %s %s?%s", read.Method, read.Path, read.Query)
				}
			})
		}
	}
}

// TestACSFakeIsAsStrict spoils a request that says everything in every place, and wants the fake to refuse
// whatever the description refuses.
func TestACSFakeIsAsStrict(t *testing.T) {
	for _, version := range acsVersions {
		t.Run(version, func(t *testing.T) {
			schema := acsSchema(t, version, "EmailMessage")
			all := acsMessages(version)["tracking"]
			for _, m := range acsMessages(version) {
				merge(&all, &m)
			}
			var body any
			if err := json.Unmarshal(acsRequests(t, version, &all)[0].Body, &body); err != nil {
				t.Fatal(err)
			}
			server := acstest.Start(t, acstest.Config{})
			spoiled := 0
			for place, text := range spoil(body) {
				if validate(schema, text) == nil {
					continue
				}
				spoiled++
				if status, reply := acsPost(t, server, version, text); status != http.StatusBadRequest {
					t.Errorf("%s: the fake answers %d %s, want 400", place, status, reply)
				}
			}
			if spoiled < 100 {
				t.Errorf("only %d requests were spoiled", spoiled)
			}
			if n := len(server.Messages()); n != 0 {
				t.Errorf("the fake holds %d messages, want none", n)
			}
		})
	}
}

// TestACSReplies validates what the fake answers: the tests of the adapter rely on it.
func TestACSReplies(t *testing.T) {
	for _, version := range acsVersions {
		t.Run(version, func(t *testing.T) {
			result, problem := acsSchema(t, version, "EmailSendResult"), acsSchema(t, version, "EmailSendResult/properties/error")
			server := acstest.Start(t, acstest.Config{})
			const message = `{"senderAddress":"a@example.com","content":{"subject":"S","plainText":"T"},"recipients":{"to":[{"address":"b@example.net"}]}}`
			status, reply := acsPost(t, server, version, []byte(message))
			if err := validate(result, reply); err != nil || status != http.StatusAccepted {
				t.Errorf("%d %s: %v", status, reply, err)
			}
			status, reply = acsPost(t, server, version, []byte(`{}`))
			var refusal struct {
				Error json.RawMessage `json:"error"`
			}
			if err := json.Unmarshal(reply, &refusal); err != nil || status != http.StatusBadRequest {
				t.Fatalf("%d %s: %v", status, reply, err)
			}
			if err := validate(problem, refusal.Error); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestACSSchemaRefuses makes sure that the validator can fail, also where one file refers to another.
func TestACSSchemaRefuses(t *testing.T) {
	for _, version := range acsVersions {
		for definition, bodies := range map[string][]string{
			"EmailMessage": {`{}`, `{"senderAddress":"a@example.com","content":{"plainText":"x"},"recipients":{"to":[]}}`},
			"EmailSendResult": {
				`{"id":"1"}`, `{"id":"1","status":"Running","error":{"code":7}}`, `{"id":"1","status":"Gone"}`,
				`{"id":"1","status":"Failed","error":{"code":"X","message":"y","more":1}}`,
			},
		} {
			schema := acsSchema(t, version, definition)
			for _, body := range bodies {
				if validate(schema, []byte(body)) == nil {
					t.Errorf("%s, %s: %s is valid, want an error", version, definition, body)
				}
			}
		}
	}
}

// acsPost makes a request as it stands, with a token.
func acsPost(t *testing.T, server *acstest.Server, version string, body []byte) (status int, reply []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL()+"/emails:send?api-version="+version, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	token, err := server.Credential().GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://communication.azure.com/.default"}})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if reply, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, reply
}

// TestACSSpecIsThere fails where CI has promised the files.
func TestACSSpecIsThere(t *testing.T) {
	if folder := os.Getenv(acsSpec); folder != "" {
		for _, version := range acsVersions {
			text, err := os.ReadFile(filepath.Join(folder, version, "CommunicationServicesEmail.json"))
			if err != nil || !bytes.Contains(text, []byte(`"/emails:send"`)) {
				t.Errorf("%s has no description of %s: %v", folder, version, err)
			}
		}
	}
}
