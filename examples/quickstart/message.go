package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"github.com/mailkeel/mailkeel/mailer"
)

// newMessage returns a message that uses what most applications need.
func newMessage(from mailer.Address, to ...mailer.Address) *mailer.Message {
	return &mailer.Message{
		From:    from,
		To:      to,
		Subject: "Grüße: your order 4711 is on its way ✓",
		Text:    "Your order 4711 has left. The list is attached.\n",
		HTML:    `<p><img src="cid:logo" alt=""> Your order <b>4711</b> has left.</p>`,
		Attachments: []mailer.Attachment{
			{Name: "logo.png", ContentID: "logo", Content: mailer.Bytes(logo())},
			{Name: "order-4711.csv", Content: mailer.Bytes([]byte("item,count\r\nanchor,1\r\nkeel,2\r\n"))},
		},
	}
}

// logo draws a small picture.
func logo() []byte {
	const size = 16
	picture := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.RGBA{B: 0xa0, A: 0xff}})
	for i := range size {
		picture.SetColorIndex(i, i, 1)
		picture.SetColorIndex(i, size-1-i, 1)
	}
	var b bytes.Buffer
	_ = png.Encode(&b, picture) // a picture of a good size goes into a buffer without fail
	return b.Bytes()
}
