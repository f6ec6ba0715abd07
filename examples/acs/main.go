// Acs is a web service for Azure App Service that sends a link for a new password through Azure
// Communication Services Email, as the app's managed identity: there is no password or key to keep.
//
//	go run ./examples/acs
//
// needs no Azure: without MAILER_URL and ACS_ENDPOINT it sends to a copy of the API on this machine, and shows at
// /sent what that has. Then, in another terminal:
//
//	curl -i -d to=ann@example.org localhost:8080/reset
//	curl localhost:8080/sent
//
// # In Azure
//
// What it takes, in the portal; the articles are Microsoft's, under articles/communication-services:
//
//  1. An Email Communication Services resource with a domain of your own, under "Provision domains": add it, and
//     publish the records that the portal shows until the domain, SPF and both DKIM keys are verified
//     (quickstarts/email/add-custom-verified-domains).
//  2. A Communication Services resource in the same geography. Under "Email", "Domains", connect the domain. Without that
//     the service answers DomainNotLinked (quickstarts/email/connect-email-communication-resource).
//  3. The sender: the domain's "MailFrom addresses" has donotreply, and its display name, which is what
//     recipients see. More user names can be added once the sending limits were raised
//     (quickstarts/email/add-multiple-senders). Any other answers InvalidSenderUserName.
//  4. The identity: on the app, "Identity", "System assigned", "On". On the Communication Services resource, "Access
//     control (IAM)", give it the role "Communication and Email Service Owner". It may take some minutes to work. Without
//     it the service refuses with 401 or 403 (UNVERIFIED which).
//  5. The quota: a new domain may send 30 messages a minute and 100 an hour. Ask for more in a support request
//     (concepts/email/email-quota-increase), and say it with quota= when it is granted. Where several
//     instances run, quota_share=1/4 gives each of four its share.
//
// The settings of the app, under "Environment variables":
//
//	ACS_ENDPOINT     https://contoso.communication.azure.com, from the resource's overview
//	MAILER_FROM      donotreply@mail.example.com
//	BACKUP_URL       what takes over: sendgrid://KEY@default, or any connection string; may be missing
//	AZURE_CLIENT_ID  of a user-assigned identity; missing means the system-assigned one
//	MAILER_URL       in place of ACS_ENDPOINT and AZURE_CLIENT_ID, where more is to be said, such as
//	                 acs://contoso.communication.azure.com?auth=managed-identity&quota=600/20000&quota_share=1/4,
//	                 or the portal's connection string with an access key
//
// App Service sets PORT, IDENTITY_ENDPOINT and IDENTITY_HEADER itself. Give the app a health check on
// /healthz, which says that it runs and asks no provider. On Linux App Service kills a program
// WEBSITES_CONTAINER_STOP_TIME_LIMIT seconds after it was told to end, 5 where that setting is missing: 25 leaves time to
// the requests under way ("Environment variables and app settings in Azure App Service").
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal does not wait for anything
	err := run(ctx, os.Getenv, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "acs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, getenv func(string) string, logs io.Writer) error {
	log := slog.New(slog.NewTextHandler(logs, nil))
	c, err := setUp(ctx, getenv, log)
	if err != nil {
		return err
	}
	defer c.close()
	s := &service{sender: c.sender, from: c.from, log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reset", s.reset)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if c.demo != nil {
		mux.HandleFunc("GET /sent", c.demo.sent)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address(getenv))
	if err != nil {
		return err
	}
	log.Info("listening", "address", l.Addr().String(), "azure", c.demo == nil)
	return serve(ctx, l, mux)
}

// address is where App Service wants it, or on this machine only.
func address(getenv func(string) string) string {
	if port := getenv("PORT"); port != "" {
		return ":" + port
	}
	return cmp.Or(getenv("LISTEN"), "localhost:8080")
}

// serve answers requests until ctx ends. It then waits for those under way.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendLimit+5*time.Second)
	defer cancel()
	return errors.Join(server.Shutdown(ctx), server.Close())
}
