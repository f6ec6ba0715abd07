package eml_test

import (
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml"
)

func ExampleRender() {
	m, err := mailer.Prepare(&mailer.Message{
		From:      mailer.Address{Name: "Shop", Address: "shop@example.com"},
		To:        []mailer.Address{{Name: "Jörg", Address: "joerg@example.net"}},
		Subject:   "Your order",
		Text:      "It is on its way.\n",
		Date:      time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), // these two are minted when they are missing
		MessageID: "<4711@example.com>",
	})
	if err != nil {
		log.Fatal(err)
	}
	body, err := eml.Render(m, eml.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(body.Size(), "bytes, 8BITMIME needed:", body.EightBit())
	var out strings.Builder
	if _, err := body.WriteTo(&out); err != nil {
		log.Fatal(err)
	}
	_, _ = strings.NewReplacer("\r\n", "\n").WriteString(os.Stdout, out.String())

	// Output:
	// 283 bytes, 8BITMIME needed: false
	// Date: Wed, 04 Mar 2026 05:06:07 +0000
	// From: Shop <shop@example.com>
	// To: =?utf-8?b?SsO2cmc=?= <joerg@example.net>
	// Message-ID: <4711@example.com>
	// Subject: Your order
	// MIME-Version: 1.0
	// Content-Type: text/plain; charset=utf-8
	// Content-Transfer-Encoding: 7bit
	//
	// It is on its way.
}

func ExampleParse() {
	raw := "From: Ann <ann@example.com>\n" +
		"To: bob@example.net\n" +
		"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n" +
		"Content-Type: multipart/mixed; boundary=b\n" +
		"\n" +
		"--b\n" +
		"\n" +
		"See the file.\n" +
		"--b\n" +
		"Content-Disposition: attachment; filename*=iso-8859-1''Preise%20%FC.csv\n" +
		"Content-Type: text/csv\n" +
		"Content-Transfer-Encoding: base64\n" +
		"\n" +
		"YTtiCg==\n" +
		"--b--\n"
	m, err := eml.Parse(mailer.Bytes([]byte(raw)))
	if err != nil {
		fmt.Println(err)
		return
	}
	size, _ := m.Attachments[0].Content.Size()
	fmt.Println(m.Subject, "from", m.From.Name)
	fmt.Println(m.Text)
	fmt.Println(m.Attachments[0].Name, size)

	_, err = eml.Parse(mailer.Bytes([]byte("Content-Type: multipart/signed; boundary=b\n\n--b\n\n--b--\n")))
	fmt.Println(err)
	// Output:
	// Grüße from Ann
	// See the file.
	// Preise ü.csv 4
	// eml: unsupported: message: is of type multipart/signed, which a Message cannot carry
}
