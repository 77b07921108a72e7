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
	"slices"
	"sync"
	"time"

	"github.com/r1ctl/r1ctl/internal/fault"
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
	Began   time.Time       // when the first line was written
	Step    int             // the highest seen
	Total   int
	Values  map[string]float64 // of the newest step line
	Summary map[string]float64 // of the summary line
	Text    map[string]string  // of the newest text line, cut
	// Warnings are the newest ones, at most maxWarnings.
	Warnings []r1.Warning
	Lines    int // how many lines there were
}

// textRunes is how much of an example's prompt and response a heartbeat carries.
const textRunes = 300

// maxWarnings bounds what a heartbeat carries of the guards. All of them are in the metrics.
const maxWarnings = 16

func newProgress(file string) *progress { return &progress{file: file} }

// now returns the newest state; its maps and lists are not written to again.
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
	s.Lines++
	s.Step = max(s.Step, line.Step)
	if line.Total > 0 {
		s.Total = line.Total
	}
	switch line.Type {
	case "start", "resume":
		if s.First == nil {
			s.First, s.Began = &line, fault.Now().UTC()
			// The trainer's own time is the sharper one, where its clock is believable.
			if t := line.Time.UTC(); !t.IsZero() && t.Before(s.Began) && s.Began.Sub(t) < time.Hour {
				s.Began = t
			}
		}
	case "step":
		s.Values = maps.Clone(line.Values)
	case "text":
		s.Text = make(map[string]string, len(line.Text))
		for name, text := range line.Text {
			s.Text[name] = cut(text, textRunes)
		}
	case "warning":
		warning := r1.Warning{Guard: line.Guard, Time: line.Time, Step: line.Step, Message: oneLine(line.Message), Values: line.Values}
		s.Warnings = append(slices.Clone(s.Warnings), warning)
		s.Warnings = s.Warnings[max(0, len(s.Warnings)-maxWarnings):]
	case "summary":
		s.Summary = maps.Clone(line.Values)
	}
}

// cut keeps the first n runes of a text and says that there was more.
func cut(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i] + "…"
		}
		n--
	}
	return text
}

// since is the mark of the first line, or nil before it.
func (s *snapshot) since() *r1.Mark {
	if s.First == nil {
		return nil
	}
	return &r1.Mark{Step: s.First.Step, Time: s.Began}
}

// began is where the trainer says that it began, or nil before it said so.
func (s *snapshot) began() *r1.Beginning {
	if s.First == nil {
		return nil
	}
	return &r1.Beginning{Resumed: s.First.Type == "resume", Step: s.First.Step, Cursor: s.First.Cursor}
}

// beginning says what is wrong with where the trainer began, once it has.
func (s *snapshot) beginning(spec *r1.Spec) *r1.Error {
	began := s.began()
	if began == nil {
		return nil
	}
	return r1.ProveBeginning(spec, *began)
}
