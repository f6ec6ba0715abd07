package exact

import (
	"errors"
	"io/fs"
)

// Pathless drops the path from the error of a file: where content lies is nobody's business
// who reads it. What was wrapped around that error goes too, since it may repeat the path.
func Pathless(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
