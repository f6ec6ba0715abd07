// Package parsing has Mailkeel and the parsers people use today read the same messages, up to the
// point where a program could send them on: the subject and the bodies are decoded text, and the octets of attachments
// can be had more than once.
package parsing
