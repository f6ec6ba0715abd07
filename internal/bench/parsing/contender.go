package parsing

import "github.com/mailkeel/mailkeel/internal/bench/contender"

// A Reading is what a contender has read.
type Reading struct {
	Subject    string
	Text, HTML int   // octets, with CRLF at the ends of lines counted as one
	Files      int   // attachments
	FileBytes  int64 // of all of them together
}

// A Contender is a parser.
type Contender struct {
	Name string
	Kind contender.Kind
	Read func(raw []byte) (Reading, error)
}

// The names that the table and tests refer to.
const (
	Mailkeel = "Mailkeel: Parse, every attachment read once"
	Standard = "net/mail + mime/multipart"
	Enmime   = "jhillyerd/enmime"
)

// All returns every contender, Mailkeel first.
func All() []Contender {
	return []Contender{
		{Mailkeel, contender.Ours, readMailkeel},
		{"Mailkeel: Parse alone", contender.Ours, readMailkeelAlone},
		{Standard, contender.Peer, readStandard},
		{"emersion/go-message", contender.Peer, readGoMessage},
		{Enmime, contender.Peer, readEnmime},
	}
}
