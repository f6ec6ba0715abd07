// Package rawtest sends the corpus of package eml, as raw messages, through every provider's fake.
package rawtest
