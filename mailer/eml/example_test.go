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
