package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"sync"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// progress follows metrics.jsonl. Its file is read from where the last read
// ended, a line is taken when it is whole, and a line that is no JSON is left out.
type progress struct {
	file   string
	offset int64

	mu sync.Mutex
	at snapshot
}

// snapshot is what the metrics say so far.
type snapshot struct {
	First   *r1.MetricsLine // "start" or "resume"
	Step    int             // the highest seen
	Total   int
	Values  map[string]float64 // of the newest step line
	Summary map[string]float64 // of the summary line
}

func newProgress(file string) *progress { return &progress{file: file} }

// now returns the newest state; the maps are not written to again.
func (p *progress) now() snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// scan reads what was added to the file.
func (p *progress) scan() error {
	f, err := os.Open(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(p.offset, io.SeekStart); err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			return nil
		}
		p.offset += int64(len(line)) + 1
		data = rest
		p.at.take(line)
	}
}

func (s *snapshot) take(raw []byte) {
	var line r1.MetricsLine
	if err := json.Unmarshal(raw, &line); err != nil {
		return
	}
	s.Step = max(s.Step, line.Step)
	if line.Total > 0 {
		s.Total = line.Total
	}
	switch line.Type {
	case "start", "resume":
		if s.First == nil {
			s.First = &line
		}
	case "step":
		s.Values = maps.Clone(line.Values)
	case "summary":
		s.Summary = maps.Clone(line.Values)
	}
}

// resumeProblem says what is wrong with how the trainer began, when it has.
func (s *snapshot) resumeProblem(resume *r1.Checkpoint) string {
	switch {
	case resume == nil || s.First == nil:
		return ""
	case s.First.Type != "resume":
		return fmt.Sprintf("asked to resume from step %d, the trainer started afresh at step %d", resume.Step, s.First.Step)
	case s.First.Step != resume.Step:
		return fmt.Sprintf("asked to resume from step %d, the trainer restored step %d", resume.Step, s.First.Step)
	}
	return ""
}
