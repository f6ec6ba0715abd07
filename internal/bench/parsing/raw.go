package parsing

import (
	"bytes"
	"fmt"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
)

// Raw is m as bytes: text beyond ASCII as quoted-printable, files as base64.
func Raw(m *contender.Mail) ([]byte, error) {
	builders, err := contender.Builders(m)
	if err != nil {
		return nil, err
	}
	for _, b := range builders {
		if b.Name == contender.BuildMailkeel {
			var raw bytes.Buffer
			err := b.Build(m, &raw)
			return raw.Bytes(), err
		}
	}
	return nil, fmt.Errorf("no builder is called %q", contender.BuildMailkeel)
}
