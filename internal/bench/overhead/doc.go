// Package overhead has what decides about each message stand before a provider that
// takes every one at once: Mailkeel's router, the breakers and retriers people use today, and a
// breaker made by hand, so that what each of them costs can be told.
package overhead
