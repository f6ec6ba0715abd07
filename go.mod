module github.com/mailkeel/mailkeel

go 1.26.0

toolchain go1.26.8

require golang.org/x/net v0.62.0

require (
	github.com/wneessen/go-mail v0.8.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
