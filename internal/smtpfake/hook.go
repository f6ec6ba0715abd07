package smtpfake

// A Point is a place in the conversation where the server is about to reply, or to
// begin a handshake, and where a [Hook] may step in.
type Point int

// The points, named after the command that is replied to.
const (
	Greeting  Point = iota + 1
	Handshake       // before the TLS handshake, implicit or after STARTTLS; only Wait, Raw and Then apply
	EHLO
	HELO
	STARTTLS // Raw bytes after "220 ...\r\n" are injected before the handshake
	AUTH     // the reply to the AUTH command, whether a challenge or the result
	AUTHStep // the reply to each response after it
	MAIL
	RCPT
	DATA
	BDAT    // the reply to each chunk but the last
	Content // the reply that decides: to the dot, or to BDAT LAST
	RSET
	NOOP
	QUIT
	Other // anything else
	numPoints
)

// A Hook is asked at every point before the server replies. It may be called from
// several connections at once. The zero [Action] changes nothing.
type Hook func(e *Event) Action

// An Event tells a hook where the conversation is. It is valid during the call only.
type Event struct {
	Point Point
	// Conn is the number of the connection, from 1.
	Conn int
	// Seen counts how often the point was reached on this server, SeenHere on this
	// connection; both include this time.
	Seen, SeenHere int
	// Arg is what follows the verb in the client's line; at AUTHStep the whole line.
	Arg string
	// Reply is what the server is about to answer, without the line end.
	Reply string
	// From and Recipients are the envelope so far.
	From       string
	Recipients []Recipient
	// Data is the content as received so far, at Content and BDAT, in mode KeepContent.
	Data []byte
}

// An Action is what a hook wants done, in the order of the fields.
type Action struct {
	// Decision, at Content only, separates what becomes of the message from the reply to it.
	Decision Decision
	// Wait holds back what follows until it is closed, or the server closes. Under
	// testing/synctest it must be made inside the bubble.
	Wait <-chan struct{}
	// Reply replaces the server's reply: lines parted by "\n", written as they are. The
	// conversation goes on as its code says, so that "550 ..." to RCPT refuses the recipient.
	Reply string
	// Raw is written instead of any reply, when not empty. It is a fault on the wire: the
	// conversation goes on as the server's own reply, or Reply, says.
	Raw string
	// Silent writes nothing; otherwise as Raw.
	Silent bool
	// Then is what happens to the connection afterwards.
	Then Ending
}

// A Decision says what becomes of a message.
type Decision int

const (
	// ByReply accepts the message if the reply, replaced or not, begins with 2.
	ByReply Decision = iota
	// Accept accepts it whatever the reply is; Refuse refuses it.
	Accept
	Refuse
)

// An Ending is what happens to the connection after a reply.
type Ending int

const (
	// Continue goes on.
	Continue Ending = iota
	// FIN closes the connection in order, with a close_notify where there is TLS.
	FIN
	// RST resets it.
	RST
	// Hang never answers again, until the client or the server closes.
	Hang
)

// On returns a hook that does a each time p is reached.
func On(p Point, a Action) Hook {
	return func(e *Event) Action {
		if e.Point == p {
			return a
		}
		return Action{}
	}
}

// OnNth is On for only the nth time, counted from 1 over the whole server.
func OnNth(p Point, n int, a Action) Hook {
	return func(e *Event) Action {
		if e.Point == p && e.Seen == n {
			return a
		}
		return Action{}
	}
}
