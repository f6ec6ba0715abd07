package redact

import (
	"encoding/base64"
	"strings"
)

const minSecretBytes = 4

// maskSecrets replaces secrets, in plain and in base64, and returns s itself when it holds none.
func maskSecrets(s string, secrets []string) string {
	for _, secret := range secrets {
		if len(secret) < minSecretBytes {
			continue
		}
		s = strings.ReplaceAll(s, secret, secretMask)
		// Most texts have no run that could hold the encoded secret: nothing is
		// encoded for them.
		if core := len(secret) * 4 / 3; longestRun(s) >= core-2 {
			s = maskEncoded(s, secret)
		}
	}
	return s
}

// maskEncoded masks every run of base64 in which secret stands. The encoding of a
// secret depends on how many bytes stand before it, modulo three; the characters at
// its two ends also hold bits of the neighbours and are left out of the search.
func maskEncoded(s, secret string) string {
	for shift := range 3 {
		skip := [...]int{0, 2, 3}[shift]
		bits := 8 * (shift + len(secret))
		plain := strings.Repeat("\x00", shift) + secret
		core := base64.RawStdEncoding.EncodeToString([]byte(plain))[skip : bits/6]
		s = maskRuns(s, core)
		if safe := strings.NewReplacer("+", "-", "/", "_").Replace(core); safe != core {
			s = maskRuns(s, safe)
		}
	}
	return s
}

// maskRuns replaces every run of token bytes that contains core.
func maskRuns(s, core string) string {
	var out strings.Builder
	done := 0
	for {
		i := strings.Index(s[done:], core)
		if i < 0 {
			break
		}
		start := done + i
		end := tokenEnd(s, start)
		for start > done && isTokenByte(s[start-1]) {
			start--
		}
		out.WriteString(s[done:start])
		out.WriteString(secretMask)
		done = end
	}
	if done == 0 {
		return s
	}
	return out.String() + s[done:]
}

func longestRun(s string) int {
	longest := 0
	for i := 0; i < len(s); {
		end := tokenEnd(s, i)
		longest = max(longest, end-i)
		i = end + 1
	}
	return longest
}
