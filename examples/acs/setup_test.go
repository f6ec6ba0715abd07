package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestPrimary(t *testing.T) {
	const host = "contoso.communication.azure.com"
	for _, c := range []struct {
		name string
		env  map[string]string
		want string // the URL, or part of the error
	}{
		{"nothing", nil, ""},
		{"an endpoint", map[string]string{"ACS_ENDPOINT": "https://" + host + "/"}, "acs://" + host + "?name=acs&auth=managed-identity"},
		{
			"a user-assigned identity", map[string]string{"ACS_ENDPOINT": "https://" + host, "AZURE_CLIENT_ID": "a&b"},
			"acs://" + host + "?name=acs&auth=managed-identity&client_id=a%26b",
		},
		{
			"this machine", map[string]string{"ACS_ENDPOINT": "http://localhost:80"},
			"acs://localhost:80?name=acs&auth=managed-identity&insecure=true",
		},
		{"a string of its own", map[string]string{"MAILER_URL": "acs://h?key=k", "AZURE_CLIENT_ID": "x"}, "acs://h?key=k"},
		{"both", map[string]string{"MAILER_URL": "acs://h?key=k", "ACS_ENDPOINT": "https://h"}, "both set"},
		{"a host alone", map[string]string{"ACS_ENDPOINT": host}, "ACS_ENDPOINT is not"},
		{"another scheme", map[string]string{"ACS_ENDPOINT": "smtp://" + host}, "ACS_ENDPOINT is not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := primary(environment(c.env))
			if err != nil {
				got = err.Error()
			}
			if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSetUpErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"no author", map[string]string{"ACS_ENDPOINT": "https://h"}, "MAILER_FROM"},
		{"two authors", map[string]string{"ACS_ENDPOINT": "https://h", "MAILER_FROM": "a@example.com, b@example.com"}, "MAILER_FROM"},
		{"no such scheme", map[string]string{"MAILER_URL": "what://h", "MAILER_FROM": "a@example.com"}, "unknown scheme"},
		{"plain HTTP elsewhere", map[string]string{"ACS_ENDPOINT": "http://mail.example.com", "MAILER_FROM": "a@example.com"}, "another machine"},
		{"a broken backup", map[string]string{"BACKUP_URL": "what://h"}, "unknown scheme"},
		{"no such place", map[string]string{"LISTEN": "127.0.0.1:99999"}, "listen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // or what is no error would serve for ever
			defer cancel()
			err := run(ctx, environment(c.env), t.Output())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for want, env := range map[string]map[string]string{
		"localhost:8080": nil,
		":8181":          {"PORT": "8181", "LISTEN": "x"},
		"127.0.0.1:0":    {"LISTEN": "127.0.0.1:0"},
	} {
		if got := address(environment(env)); got != want {
			t.Errorf("%v: got %s, want %s", env, got, want)
		}
	}
}
