package eml

import "time"

const (
	days   = "SunMonTueWedThuFriSat"
	months = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// appendDate appends t as RFC 5322 section 3.3 has it, with a numeric zone: "Mon, 02 Jan 2006 15:04:05
// -0700". The year has four digits. [time.Time.AppendFormat] takes four times as long, which would be a
// tenth of a small message.
func appendDate(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	weekday := t.Weekday()
	b = append(b, days[3*weekday:3*weekday+3]...)
	b = append(b, ", "...)
	b = append(appendTwo(b, day), ' ')
	b = append(b, months[3*month-3:3*month]...)
	b = appendTwo(appendTwo(append(b, ' '), year/100), year%100)
	b = append(appendTwo(append(b, ' '), hour), ':')
	b = append(appendTwo(b, minute), ':')
	b = append(appendTwo(b, second), ' ')

	_, offset := t.Zone()
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return appendTwo(appendTwo(append(b, sign), offset/3600), offset/60%60)
}

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10%10), byte('0'+n%10)) }
