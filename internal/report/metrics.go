package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path"
	"sort"

	"github.com/r1ctl/r1ctl/internal/agent/stream"
	"github.com/r1ctl/r1ctl/internal/r1"
)

const (
	maxLine  = 1 << 20 // a longer line of metrics is passed over
	maxEvals = 400
	maxTexts = 8
	maxText  = 1200 // characters of a response that are shown
)

// history gathers the metrics of a stage's jobs, in bounded memory.
type history struct {
	names  []string // of curves, as they were met
	curves map[string]*series
	evals  []EvalPoint
	texts  []Text
	every  int // of the text lines, one in so many is kept
	seen   int
}

func newHistory() *history { return &history{curves: map[string]*series{}, every: 1} }

// take adds a line; steps behind until were done again by a later attempt.
func (h *history) take(line r1.MetricsLine, until int) {
	if line.Step > until {
		return
	}
	switch line.Type {
	case "step":
		names := make([]string, 0, len(line.Values))
		for name := range line.Values {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			if v := line.Values[name]; !math.IsNaN(v) && !math.IsInf(v, 0) {
				h.series(name).add(float64(line.Step), v)
			}
		}
	case "eval":
		h.eval(EvalPoint{Step: line.Step, Values: line.Values})
	case "text":
		h.text(line)
	}
}

func (h *history) series(name string) *series {
	s := h.curves[name]
	if s == nil {
		s = &series{}
		h.curves[name] = s
		h.names = append(h.names, name)
	}
	return s
}

// eval keeps the newest measurement of a step: the end of a phase and the
// beginning of the next one measure the same model.
func (h *history) eval(p EvalPoint) {
	if n := len(h.evals); n > 0 && h.evals[n-1].Step == p.Step {
		h.evals[n-1] = p
		return
	}
	if len(h.evals) < maxEvals {
		h.evals = append(h.evals, p)
	}
}

// text keeps examples that lie evenly over the steps.
func (h *history) text(line r1.MetricsLine) {
	keep := h.seen%h.every == 0
	h.seen++
	if !keep {
		return
	}
	if len(h.texts) == 2*maxTexts {
		half := h.texts[:0]
		for i := 0; i < 2*maxTexts; i += 2 {
			half = append(half, h.texts[i])
		}
		h.texts = half
		h.every *= 2
		if (h.seen-1)%h.every != 0 {
			return
		}
	}
	t := Text{Step: line.Step, Prompt: line.Text["prompt"]}
	t.Response, t.Cut = cut(line.Text["response"], maxText)
	t.Prompt, _ = cut(t.Prompt, maxText)
	h.texts = append(h.texts, t)
}

func (h *history) list() []Curve {
	sort.Strings(h.names)
	var out []Curve
	for _, name := range h.names {
		out = append(out, Curve{Name: name, Points: h.curves[name].points})
	}
	return out
}

// examples are at most maxTexts of the texts, with the first and the last.
func (h *history) examples() []Text {
	if len(h.texts) <= maxTexts {
		return h.texts
	}
	var out []Text
	for i := range maxTexts {
		out = append(out, h.texts[i*(len(h.texts)-1)/(maxTexts-1)])
	}
	return out
}

// read adds a job's attempts, in their order. An attempt that was followed by
// one which went on from step N counts up to N. The job lies where layout says,
// which for a reused job is another run.
func (h *history) read(ctx context.Context, s Store, l r1.Layout, key r1.JobKey, attempts []int) (restarts []int, err error) {
	begins := make([]int, len(attempts))
	for i, n := range attempts {
		begins[i], err = firstStep(ctx, s, metricsFolder(l, key.Attempt(n)))
		if err != nil {
			return nil, err
		}
	}
	for i, n := range attempts {
		until := math.MaxInt
		for _, b := range begins[i+1:] {
			if b >= 0 {
				until = min(until, b)
			}
		}
		if i > 0 && begins[i] >= 0 {
			restarts = append(restarts, begins[i])
		}
		lines := &lineWriter{each: func(raw []byte) {
			var line r1.MetricsLine
			if json.Unmarshal(raw, &line) == nil { // a line cut off by a crash is no line
				h.take(line, until)
			}
		}}
		if _, err := stream.Read(ctx, s, metricsFolder(l, key.Attempt(n)), 0, lines); err != nil && !absent(err) {
			return nil, fmt.Errorf("read the metrics of %s: %w", key.Attempt(n), err)
		}
	}
	return restarts, nil
}

func metricsFolder(l r1.Layout, key r1.AttemptKey) string {
	return path.Join(l.Attempt(key), r1.MetricsDir)
}

// firstStep is the step at which an attempt began, or -1 when it wrote nothing.
func firstStep(ctx context.Context, s Store, folder string) (int, error) {
	pieces, err := s.FilesUnder(ctx, folder)
	if err != nil {
		return 0, fmt.Errorf("list %s: %w", folder, err)
	}
	if len(pieces) == 0 {
		return -1, nil
	}
	first := pieces[0] // in key order, which is the order of offsets
	r, err := s.Get(ctx, first.Key, 0, 4<<10)
	if absent(err) {
		return -1, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", first.Key, err)
	}
	defer r.Close()
	head, err := io.ReadAll(r)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", first.Key, err)
	}
	raw, _, _ := bytes.Cut(head, []byte("\n"))
	var line r1.MetricsLine
	if json.Unmarshal(raw, &line) != nil || (line.Type != "start" && line.Type != "resume") {
		return -1, nil
	}
	return line.Step, nil
}

// lineWriter gives every whole line that is written to it, and forgets lines
// that are too long to be meant.
type lineWriter struct {
	each func([]byte)
	part []byte
	skip bool
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		head, rest, whole := bytes.Cut(p, []byte("\n"))
		if !w.skip {
			w.part = append(w.part, head...)
		}
		if len(w.part) > maxLine {
			w.part, w.skip = nil, true
		}
		if whole {
			if !w.skip && len(w.part) > 0 {
				w.each(w.part)
			}
			w.part, w.skip = w.part[:0], false
		}
		p = rest
	}
	return n, nil
}

// cut shortens a text to so many characters.
func cut(s string, limit int) (string, bool) {
	if len(s) <= limit {
		return s, false
	}
	r := []rune(s)
	if len(r) <= limit {
		return s, false
	}
	return string(r[:limit]), true
}
