module github.com/mailkeel/mailkeel/internal/speccheck

go 1.25.0

toolchain go1.26.8

require (
	github.com/mailkeel/mailkeel v0.0.0
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
)

replace github.com/mailkeel/mailkeel => ../..
