package sendertest

import "context"

// secretCases are about what is printed. Every other case also searches what its
// sends returned.
var secretCases = []testCase{
	{12, "printed_sender", func(s *scene) { s.searchSecrets("the printed Sender", s.Sender) }},
	{12, "receipt", func(s *scene) { s.accept(context.Background(), s.full()) }},
	{12, "errors", secretsInErrors},
}

// secretsInErrors sends through every fault of the protocol with one Sender.
func secretsInErrors(s *scene) {
	for _, f := range Faults() {
		if _, off := s.NotApplicable[f]; !off {
			s.endure(f)
		}
	}
}
