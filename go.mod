module github.com/mailkeel/mailkeel

go 1.25.0

toolchain go1.26.8

require (
	github.com/segmentio/asm v1.2.1
	github.com/wneessen/go-mail v0.8.1
	golang.org/x/net v0.58.0
)

require (
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)
