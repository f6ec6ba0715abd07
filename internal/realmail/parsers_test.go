package realmail

import (
	"crypto/sha256"
	"encoding/hex"
	"net/mail"
	"reflect"
	"strings"
	"testing"
)

// Written by hand: encoded words, a quoted name, nested multiparts, the two transfer
// encodings, a file name after RFC 2231, and a file name as an encoded word.
const sample = `From: =?utf-8?q?J=C3=B6rg?= <app@example.test>
To: "Alice, A." <alice@example.test>, bob@example.test
Cc: =?utf-8?b?0JHQvtCx?= <carol@example.test>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from =?utf-8?b?TcO8bmNoZW4=?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/related; boundary="inner"

--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>Gr=C3=BC=C3=9Fe, a long=
 line</p>
--inner
Content-Type: image/png
Content-Disposition: inline; filename=logo.png
Content-ID: <logo@example.test>
Content-Transfer-Encoding: base64

iVBORw0KGgoA
/w==
--inner--
--outer
Content-Type: application/octet-stream
Content-Disposition: attachment; filename*=utf-8''%E2%82%AC%20rates.bin
Content-Transfer-Encoding: base64

AAECAw==
--outer
Content-Type: text/plain
Content-Disposition: attachment; filename="=?utf-8?q?=C3=BC.txt?="

plain text
--outer--
`

func sha256Hex(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func TestExternalParsers(t *testing.T) {
	want := Parsed{
		Subject: "Grüße from München",
		From:    []mail.Address{{Name: "Jörg", Address: "app@example.test"}},
		To:      []mail.Address{{Name: "Alice, A.", Address: "alice@example.test"}, {Address: "bob@example.test"}},
		Cc:      []mail.Address{{Name: "Боб", Address: "carol@example.test"}},
		Parts: []Part{
			{ContentType: "text/html", SHA256: sha256Hex("<p>Grüße, a long line</p>"), Text: "<p>Grüße, a long line</p>"},
			{
				ContentType: "image/png", Disposition: "inline", Filename: "logo.png", ContentID: "logo@example.test",
				SHA256: sha256Hex("\x89PNG\r\n\x1a\n\x00\xff"),
			},
			{
				ContentType: "application/octet-stream", Disposition: "attachment", Filename: "€ rates.bin",
				SHA256: sha256Hex("\x00\x01\x02\x03"),
			},
			{ContentType: "text/plain", Disposition: "attachment", Filename: "ü.txt", SHA256: sha256Hex("plain text"), Text: "plain text"},
		},
	}
	parsers := ExternalParsers(t)
	if len(parsers) != 3 {
		t.Fatalf("%d parsers, want 3", len(parsers))
	}
	for _, p := range parsers {
		for ending, message := range map[string]string{"LF": sample, "CRLF": strings.ReplaceAll(sample, "\n", "\r\n")} {
			t.Run(p.Name+" "+ending, func(t *testing.T) {
				if got := p.Parse(t, []byte(message)); !reflect.DeepEqual(got, want) {
					t.Errorf("got  %+v\nwant %+v", got, want)
				}
			})
		}
	}
}
