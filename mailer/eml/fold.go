package eml

// open begins a field and returns where it stands.
func (w *writer) open(name string) int {
	start := len(w.b)
	w.literal(name)
	w.literal(": ")
	return start
}

// close folds the field that began at start and ends it. It may be folded at white space after the
// octet from, preferably after the octet prefer.
func (w *writer) close(start, from int, prefer byte) error {
	if len(w.b)-start <= foldAt {
		w.literal("\r\n")
		return nil
	}
	w.scratch = append(w.scratch[:0], w.b[start:]...)
	w.b = w.b[:start]
	for line := w.scratch; ; from = 1 {
		end := foldPoint(line, from, prefer)
		if end > maxLine {
			return errLineTooLong
		}
		w.b = append(w.b, line[:end]...)
		w.literal("\r\n")
		if line = line[end:]; len(line) == 0 {
			return nil
		}
	}
}

// foldPoint returns where the first line of a field ends: at white space that begins the next one, or
// at the end. White space at the end of a field is no such place, for no line may be empty.
func foldPoint(line []byte, from int, prefer byte) int {
	if len(line) <= foldAt {
		return len(line)
	}
	last, preferred := 0, 0
	for i := from; i < len(line) && (i <= foldAt || last == 0); i++ {
		if !isWSP(line[i]) || isWSP(line[i-1]) || len(trimWSP(line[i:])) == 0 {
			continue
		}
		if line[i-1] == prefer {
			preferred, last = i, i
		} else if prefer != ';' { // parameters hold quoted names, whose spaces not every reader unfolds
			last = i
		}
	}
	switch {
	case preferred > 0:
		return preferred
	case last > 0:
		return last
	}
	return len(line)
}

// trimWSP drops leading white space.
func trimWSP(b []byte) []byte {
	for len(b) > 0 && isWSP(b[0]) {
		b = b[1:]
	}
	return b
}
