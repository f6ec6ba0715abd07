// Package speccheck holds tests that compare what the adapters send with the providers' own
// machine-readable descriptions. Those are not part of the project: an environment
// variable names the file. It is a module of its own because only these tests need a
// validator of JSON Schema.
package speccheck
