package realmail

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

// tokenKey signs the access tokens that the server believes; tokenKeyPath is where
// Dovecot looks for it: the party it was issued to, the algorithm, the key's name.
var tokenKey = []byte("the rig's own key for its tokens")

const tokenKeyPath = "default/HS256/default"

// Token returns an access token of user for XOAUTH2 and OAUTHBEARER, a signed JWT of RFC
// 7519. It is good for the given time from now on; a negative time makes an expired one.
func Token(user string, validFor time.Duration) string {
	now := time.Now()
	claims := fmt.Sprintf(`{"sub":%q,"iat":%d,"nbf":%d,"exp":%d}`,
		user, now.Add(-time.Hour).Unix(), now.Add(-time.Hour).Unix(), now.Add(validFor).Unix())
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, tokenKey)
	_, _ = mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}
