package acstest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// maxSkew is how far x-ms-date may be from the clock of the server. UNVERIFIED: no bound is
// documented.
const maxSkew = 5 * time.Minute

const authorizationStart = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="

// checkSignature recomputes the signature of a request ("Sign an HTTP request" in the
// tutorials of Azure Communication Services). Other orders of the signed headers are
// refused. UNVERIFIED.
func checkSignature(r *Request, keys [2]accessKey, now time.Time) error {
	authorization := r.Header.Get("Authorization")
	signature, ok := strings.CutPrefix(authorization, authorizationStart)
	if !ok {
		return fmt.Errorf("Authorization does not begin with %q", authorizationStart)
	}
	date, err := only(r, "X-Ms-Date")
	if err != nil {
		return err
	}
	hash, err := only(r, "X-Ms-Content-Sha256")
	if err != nil {
		return err
	}
	if err := checkDate(date, now); err != nil {
		return err
	}
	sum := sha256.Sum256(r.Body)
	if hash != base64.StdEncoding.EncodeToString(sum[:]) {
		return errors.New("x-ms-content-sha256 is not that of the body")
	}
	text := r.Method + "\n" + target(r) + "\n" + date + ";" + r.Header.Get("Host") + ";" + hash
	for _, key := range keys {
		if hmac.Equal([]byte(signature), []byte(sign(key.secret, text))) {
			return nil
		}
	}
	return fmt.Errorf("the signature of %q is of neither key", text)
}

// checkDate wants the fixed form of HTTP dates (RFC 9110 section 5.6.7).
func checkDate(date string, now time.Time) error {
	at, err := time.Parse(http.TimeFormat, date)
	if err != nil || at.Format(http.TimeFormat) != date {
		return fmt.Errorf("x-ms-date %q", date)
	}
	if skew := now.Sub(at); skew.Abs() > maxSkew {
		return fmt.Errorf("x-ms-date is %v off", skew)
	}
	return nil
}

// target returns the path and the query as they came.
func target(r *Request) string {
	if r.Query == "" {
		return r.Path
	}
	return r.Path + "?" + r.Query
}

func sign(secret []byte, text string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
