package eml

import (
	"errors"
	"fmt"

	"github.com/mailkeel/mailkeel/internal/exact"
	"github.com/mailkeel/mailkeel/mailer"
	"github.com/mailkeel/mailkeel/mailer/eml/internal/entity"
)

// maxBodyBytes is what the bodies of a message, which are held in memory, may have together.
const maxBodyBytes = 16 << 20

// Parse reads src, a message of RFC 5322 and MIME, into a Message that is not prepared: what the header
// does not say, such as a Message-ID, a Date or a recipient, is left empty, and what a Message may not
// have, such as a quoted local part, is for [mailer.Prepare] to refuse.
//
// src must be one that can be opened again and knows its size, as a [mailer.Content] is after
// [mailer.Spool]. Parse reads it twice: once to find the parts, and once for the bodies and the sizes of
// attachments. Text, HTML and alternatives of type text are held in memory, at most 16 MiB. Attachments
// are not: each is decoded from src whenever it is opened, in some tens of kilobytes, so src must stay
// as it is until the Message has been sent. From a src that can seek, as [mailer.Bytes] and
// [mailer.File] can, nothing else is read then.
//
// # What is kept
//
//   - From, Sender, ReplyTo, To, Cc, Bcc, Subject, Date and MessageID, decoded. Lists that stand there
//     twice are joined. A group without members, such as "undisclosed-recipients:;", is nobody.
//   - All other fields, in order, in Headers; List-Unsubscribe and the fields of a priority too.
//   - The first text/plain as Text and text/html as HTML, in UTF-8, with lines that end in LF; further
//     forms of multipart/alternative as Alternatives, those of type text made UTF-8. The text of
//     format=flowed (RFC 3676) is left as it is, with its trailing spaces; the parameter, which tells
//     programs that they may join lines, is not kept.
//   - Everything else as Attachments, with name, type and decoded octets; a text with a file name, or of
//     disposition attachment, too, and behind the body an inline one with a Content-ID, as [Render] writes
//     a file without a name; but a first part that is text/calendar is a form. One with a
//     Content-ID is inline when HTML refers to it, or when it is not of disposition attachment and is
//     part of multipart/related or of disposition inline. Without one it is not inline, whatever its
//     disposition. Line ends that are LF alone are CRLF in an attachment that is not base64, as on the
//     wire.
//
// # What is not content
//
// Left out are the line end before a delimiter, MIME-Version, boundaries, preambles and epilogues (RFC
// 2046 section 5.1.1), which [Render] writes anew; Return-Path, which the server writes that delivers a
// message (RFC 5321 section 4.4); the parameters of Text and HTML but for their
// charset; fields of a part other than Content-Type, Content-Transfer-Encoding, Content-Disposition and
// Content-ID, such as Content-Description; the dates and size of a Content-Disposition, and Apple's x-unix-mode,
// x-mac-type, x-mac-creator, x-mac-hide-extension and x-apple-part-url of a Content-Type, which tell of the
// file on its sender's disk, and its filename, as Rails calls the name, where there is another name; the
// Content-ID of what is not inline; and further texts of white space alone.
//
// # What is refused
//
// Nothing else is left out: what a Message cannot say is an error that wraps [mailer.ErrUnsupported] and
// says where it stands and what it is. That is so for
//
//   - multipart/signed and encrypted, S/MIME, reports, AppleDouble and multiparts of unknown kinds;
//     message/rfc822 and others of type message;
//   - any other text between or after attachments, and forms of a body in an order that Render would not
//     keep;
//   - parts of multipart/related with a Content-Location instead of a Content-ID;
//   - Received, which tells of an earlier way: without it a loop is not found;
//     DKIM-Signature, ARC fields and their like, which are void for other bytes; Content-MD5 and
//     Content-Length, for the same reason; Resent-Bcc; several authors, and groups with members;
//   - encoded words, or octets outside ASCII, in a field that Headers holds as text and others take addresses,
//     identifiers or URLs from, such as Resent-From, List-ID and References;
//   - charsets and encodings that are not known, UTF-7 among them.
//
// What RFC 5322 or MIME does not allow, where reading on would be a guess, wraps
// [mailer.ErrInvalidMessage]: a NUL, a CR that no LF follows, a header line that is no field, two
// different values of a field that must be one, octets that a charset does not have, damaged base64, a
// message that ends before its last delimiter, and more than 16 multiparts within each other, 1,000
// parts, 256 KiB of one header, 32 KiB of one of its lines or 1 MiB of a line of a body. What is wrong,
// common and clear is read: bare LF, an @ or brackets in a name without quotes, encoded words in quotes,
// cut in two or with spaces, file names in every form, UTF-8 without a charset, ISO-8859-1 that is
// windows-1252.
//
// An error of src wraps [ErrSource].
func Parse(src mailer.Content) (*mailer.Message, error) {
	a := assembler{src: src, m: new(mailer.Message), left: maxBodyBytes}
	if err := a.parse(); err != nil {
		if !errors.Is(err, mailer.ErrInvalidMessage) && !errors.Is(err, mailer.ErrUnsupported) {
			return nil, sourceError("message", err)
		}
		return nil, fmt.Errorf("eml: %w", err)
	}
	return a.m, nil
}

func (a *assembler) parse() error {
	var err error
	if a.size, err = a.src.Size(); err != nil {
		return err
	}
	if a.size < 0 {
		return errUnspooled
	}
	root, err := a.scan()
	if err != nil {
		return err
	}
	if err := a.header(root); err != nil {
		return err
	}
	a.bodies = entity.NewSource(a.src)
	defer a.bodies.Close()
	if err := a.content(root); err != nil {
		return err
	}
	a.attach()
	return nil
}

var errUnspooled = fmt.Errorf("%w: the message is of unknown size: it has to be spooled", mailer.ErrInvalidMessage)

// scan finds the parts, and holds src to its size.
func (a *assembler) scan() (*entity.Part, error) {
	r, err := a.src.Open()
	if err != nil {
		return nil, err
	}
	root, n, err := entity.Scan(r)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	if err == nil && n != a.size {
		err = exact.ErrOther
	}
	return root, err
}
