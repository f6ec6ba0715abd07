package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/mailkeel/mailkeel/internal/bench/contender"
)

// The quantities of G4 and G5 beside the rate, which is in MB of attachment a second here.
const (
	peakMB      = "peak"
	allocatedKB = "allocated"
)

// firstBytes is the size of the attachment that is sent before the large ones.
const firstBytes = 64 << 10

// An errand is what one process sends.
type errand struct {
	Contender string
	Way       way
	Ports     ports
	// First is sent beforehand, so that the connection is open and what is made once is made.
	First, Mail *contender.Mail
	Bytes       int
	Messages    int
	// InMemory means that the attachments are read beforehand and are not part of what is measured.
	InMemory bool
}

// attachments is G4: a large attachment from a file.
func (r *run) attachments() error {
	dir, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	first, err := contender.Large(dir, firstBytes)
	if err != nil {
		return err
	}
	m, err := contender.Large(dir, r.attachmentBytes)
	if err != nil {
		return err
	}
	size := number(float64(r.attachmentBytes) / (1 << 20))
	var list []verdict
	for _, w := range []way{plain, encrypted} {
		res, err := repeat(r.reps, r.rng, names(bulk()), func(name string) (sample, error) {
			return runErrand(errand{name, w, r.server.ports, first, m, r.attachmentBytes, r.large, false})
		})
		if err != nil {
			return err
		}
		attachmentTable(res, "G4: "+size+" MB attachment from a file, "+string(w)+", c=1").print(r.out)
		list = append(list, attachmentGoals(res, w)...)
	}
	verdicts("G4: goals", list).print(r.out)
	return nil
}

// bulk is every contender that does something else with a large message than the others.
func bulk() []contender.Contender {
	return slices.DeleteFunc(steady(), func(c contender.Contender) bool { return c.Name == "go-mail, tuned" })
}

func attachmentTable(res results, title string) *table {
	t := &table{
		title: title,
		heads: []string{"contender", "MB/s (min–max)", "ratio to go-mail", "Mailkeel's ratio to it", "peak RSS growth MB (min–max)", "allocated KB a message", "client CPU ms"},
	}
	for _, c := range bulk() {
		t.row(label(c), res.figure(c.Name, rate).spread(), res.ratio(c.Name, contender.GoMail, rate).times(),
			res.ratio(contender.Mailkeel, c.Name, rate).times(), res.figure(c.Name, peakMB).spread(),
			number(res.figure(c.Name, allocatedKB).median), number(res.figure(c.Name, cpu).median/1000))
	}
	t.notes = []string{"Contenders marked bytes are given MIME written by hand, as the limits are, so that theirs is the cost of sending alone."}
	return t
}

func attachmentGoals(res results, w way) []verdict {
	times := map[way]float64{plain: 8, encrypted: 5}[w]
	best, name := worstRatio(res, contender.Mailkeel, rate, isPeer)
	at := ", " + string(w)
	return []verdict{
		atLeast("rate to the best peer ("+name+")"+at, times, best),
		atMost("peak RSS growth, MB"+at, 1, res.figure(contender.Mailkeel, peakMB)),
		atMost("allocated, KB a message"+at, 64, res.figure(contender.Mailkeel, allocatedKB)),
	}
}

// runErrand has a fresh process do e.
func runErrand(e errand) (sample, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, asAttachment)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var s sample
	err = errors.Join(json.NewEncoder(in).Encode(e), in.Close(), json.NewDecoder(out).Decode(&s), cmd.Wait())
	return s, err
}

// attachmentProcess is the process that does an errand.
func attachmentProcess(in io.Reader, out io.Writer) error {
	var e errand
	if err := json.NewDecoder(in).Decode(&e); err != nil {
		return err
	}
	s, err := e.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(s)
}

// run sends the first message, gives back the memory, and measures the others.
func (e errand) run() (sample, error) {
	c, ok := contender.Named(e.Contender)
	if !ok {
		return nil, errors.New("no such contender")
	}
	target, err := e.Ports.target(e.Way)
	if err != nil {
		return nil, err
	}
	sessions, err := c.Open(target, 1)
	if err != nil {
		return nil, err
	}
	defer contender.CloseAll(sessions)
	if e.InMemory {
		if err := errors.Join(e.First.Load(), e.Mail.Load()); err != nil {
			return nil, err
		}
	}
	if err := sessions[0].Send(e.First); err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	if err := resetPeak(); err != nil {
		return nil, err
	}
	return e.measure(sessions[0])
}

func (e errand) measure(s contender.Session) (sample, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, _, err := memory()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, err
	}
	own, begin := ownCPUTime(), time.Now()
	for range e.Messages {
		if err := s.Send(e.Mail); err != nil {
			return nil, err
		}
	}
	took := time.Since(begin)
	own = ownCPUTime() - own
	_, peak, _ := memory()
	runtime.ReadMemStats(&after)
	n := float64(e.Messages)
	return sample{
		rate:        float64(e.Bytes) * n / (1 << 20) / took.Seconds(),
		cpu:         float64(own.Microseconds()) / n,
		peakMB:      float64(peak-start) / (1 << 20),
		allocatedKB: float64(after.TotalAlloc-before.TotalAlloc) / n / 1024,
	}, nil
}
