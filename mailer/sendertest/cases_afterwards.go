package sendertest

import (
	"context"
	"strings"
)

// afterwardsCases are about one Send being one attempt and one message, whatever
// came before and whatever it holds.
var afterwardsCases = []testCase{
	{5, "noise_after_each_of_several", noiseAfterSeveral},
	{8, "faults_in_a_row", faultsInARow},
	{8, "content_that_looks_like_commands", smuggling},
}

// noiseAfterSeveral sends over a connection that breaks after every acceptance.
func noiseAfterSeveral(s *scene) {
	for range 3 {
		s.meet(Step{Fault: NoiseAfter})
		s.accept(context.Background(), s.crowd())
	}
}

// faultsInARow sends through all core faults with one Sender, so that nothing that is
// left of one attempt gets into the next.
func faultsInARow(s *scene) {
	for _, f := range Faults() {
		if f.Core() {
			s.endure(f)
		}
	}
}

// smuggling sends text in which a server that takes other line ends than CRLF would
// find a second message (RFC 5321 sections 2.3.8 and 4.5.2).
func smuggling(s *scene) {
	const commands = "MAIL FROM:<mallory@example.org>%RCPT TO:<victim@example.org>%DATA%Subject: smuggled%%smuggled%.%"
	for _, end := range []string{"\r\n", "\n", "\r", "\n\r", "\r\r\n"} {
		m := s.message()
		m.Text = "Dear Ann," + end + "." + end + strings.ReplaceAll(commands, "%", end) + ".hidden" + end + "..two" + end
		s.accept(context.Background(), m)
	}
	if truth := s.truth(); len(truth.Copies) != 5 {
		s.broke(rule(8), "the provider has %d messages, want 5", len(truth.Copies))
	}
}
