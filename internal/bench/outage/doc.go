// Package outage sends mail at a steady rate through two providers on loopback, of which the first is
// out of order in one of several ways, and compares what the callers were told with what the
// providers have really taken.
package outage
