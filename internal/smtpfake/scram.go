package smtpfake

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" // SCRAM-SHA-1 is defined with it
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"
)

// scramIterations is the least that RFC 7677 section 4 allows.
const scramIterations = 4096

// scramMechanism is SCRAM of RFC 5802 and RFC 7677, with channel binding where its
// name ends in -PLUS. In SMTP the server's final message goes out as one more challenge,
// which the client answers with an empty response (RFC 4954 section 4).
type scramMechanism struct {
	users       map[string]string
	hash        func() hash.Hash
	plain       string // the name without -PLUS
	plus        bool
	plusOffered bool
	tls         *tls.ConnectionState
	serverNonce string
	salt        []byte

	name      string
	gs2       string
	nonce     string // the client's and the server's
	firstBare string
	first     string
	stage     int
}

// newSCRAM returns nil when name is no SCRAM mechanism.
func newSCRAM(name string, users map[string]string, state *tls.ConnectionState) *scramMechanism {
	m := &scramMechanism{users: users, tls: state, serverNonce: nonce(), salt: make([]byte, 16)}
	_, _ = rand.Read(m.salt)
	m.plain, m.plus = strings.CutSuffix(strings.ToUpper(name), "-PLUS")
	switch m.plain {
	case "SCRAM-SHA-1":
		m.hash = sha1.New
	case "SCRAM-SHA-256":
		m.hash = sha256.New
	default:
		return nil
	}
	return m
}

func (m *scramMechanism) user() string { return m.name }

func (m *scramMechanism) next(response []byte) ([]byte, authState) {
	if response == nil {
		return nil, authContinue
	}
	m.stage++
	switch {
	case m.stage == 1 && m.clientFirst(string(response)):
		return []byte(m.first), authContinue
	case m.stage == 2:
		return m.clientFinal(string(response))
	case m.stage == 3 && len(response) == 0:
		return nil, authDone
	}
	return nil, authMalformed
}

// clientFirst takes gs2-header client-first-message-bare and makes the server's first message.
func (m *scramMechanism) clientFirst(message string) bool {
	flag, rest, ok1 := strings.Cut(message, ",")
	authzid, bare, ok2 := strings.Cut(rest, ",")
	fields := strings.Split(bare, ",")
	if !ok1 || !ok2 || len(fields) < 2 || !m.validFlag(flag) {
		return false
	}
	escaped, hasName := strings.CutPrefix(fields[0], "n=")
	clientNonce, hasNonce := strings.CutPrefix(fields[1], "r=")
	if !hasName || !hasNonce || clientNonce == "" || authzid != "" && authzid != "a="+escaped {
		return false
	}
	m.name = unescapeName(escaped)
	m.gs2 = flag + "," + authzid + ","
	m.firstBare, m.nonce = bare, clientNonce+m.serverNonce
	m.first = "r=" + m.nonce + ",s=" + base64.StdEncoding.EncodeToString(m.salt) + ",i=" + strconv.Itoa(scramIterations)
	return true
}

// validFlag checks gs2-cbind-flag (RFC 5802 section 6). "y" says that the server does not
// offer -PLUS; where it does, somebody took it out of the list.
func (m *scramMechanism) validFlag(flag string) bool {
	if m.plus {
		return strings.HasPrefix(flag, "p=") && m.binding(flag[2:]) != nil
	}
	return flag == "n" || flag == "y" && !m.plusOffered
}

// binding returns the channel binding data of RFC 9266 or RFC 5929 section 3; nil when there is none.
func (m *scramMechanism) binding(kind string) []byte {
	switch {
	case m.tls == nil:
	case kind == "tls-exporter":
		data, err := m.tls.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		if err == nil {
			return data
		}
	case kind == "tls-unique" && m.tls.Version < tls.VersionTLS13:
		return m.tls.TLSUnique
	}
	return nil
}

// clientFinal verifies the proof and returns the server's signature.
func (m *scramMechanism) clientFinal(message string) ([]byte, authState) {
	at := strings.LastIndex(message, ",p=")
	if at < 0 {
		return nil, authMalformed
	}
	withoutProof := message[:at]
	proof, err := base64.StdEncoding.DecodeString(message[at+3:])
	password, known := m.users[m.name]
	if err != nil || !known || withoutProof != "c="+m.bindingInput()+",r="+m.nonce {
		return nil, authFailed
	}
	salted, err := pbkdf2.Key(m.hash, password, m.salt, scramIterations, m.hash().Size())
	if err != nil {
		return nil, authFailed
	}
	signed := m.firstBare + "," + m.first + "," + withoutProof
	if !m.proves(salted, signed, proof) {
		return nil, authFailed
	}
	signature := m.mac(m.mac(salted, "Server Key"), signed)
	return []byte("v=" + base64.StdEncoding.EncodeToString(signature)), authContinue
}

// bindingInput is cbind-input: the header, and the data that it names.
func (m *scramMechanism) bindingInput() string {
	input := []byte(m.gs2)
	if m.plus {
		flag, _, _ := strings.Cut(m.gs2, ",")
		input = append(input, m.binding(flag[2:])...)
	}
	return base64.StdEncoding.EncodeToString(input)
}

// proves recovers the client key from the proof and compares its hash (RFC 5802 section 3).
func (m *scramMechanism) proves(salted []byte, signed string, proof []byte) bool {
	want := m.digest(m.mac(salted, "Client Key"))
	signature := m.mac(want, signed)
	if len(proof) != len(signature) {
		return false
	}
	key := make([]byte, len(proof))
	subtle.XORBytes(key, proof, signature)
	return hmac.Equal(m.digest(key), want)
}

func (m *scramMechanism) mac(key []byte, text string) []byte {
	h := hmac.New(m.hash, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (m *scramMechanism) digest(b []byte) []byte {
	h := m.hash()
	h.Write(b)
	return h.Sum(nil)
}

// unescapeName decodes saslname of RFC 5802 section 7.
func unescapeName(s string) string {
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(s)
}
