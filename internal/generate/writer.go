package generate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// writer has the rows that are done, in the prompts' order. Only the goroutine that
// writes uses it.
type writer struct {
	job      *job
	problems int // there are
	file     string
	out      *os.File
	rows     int // written, of which
	prompts  int // are whole prompts
	size     int64
	paid     usage

	answers  *Answers
	resumed  bool
	fresh    *tally // of the rows since the last line of metrics
	said     time.Time
	saidStep int
	showed   time.Time
	saved    time.Time
	savedAt  int // rows
	savedFor int // step of the newest checkpoint
}

// usage counts what answers took, in tokens.
type usage struct {
	Prompt     int `json:"prompt"`
	Completion int `json:"completion"`
}

const samplesFile = "samples.jsonl"

// openRows begins the output, or goes on from the job's checkpoint.
func openRows(j *job, problems int, answers *Answers) (*writer, error) {
	dir := j.path(j.Outputs["samples"].Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the output: %w", err)
	}
	w := &writer{job: j, problems: problems, file: filepath.Join(dir, "."+samplesFile+".partial"), answers: answers, fresh: newTally(), saved: time.Now()}
	var err error
	if w.out, err = os.Create(w.file); err != nil {
		return nil, fmt.Errorf("make the output: %w", err)
	}
	if j.Resume != nil {
		if err := w.restore(j.path(j.Resume.Path), j.Resume.Step); err != nil {
			return nil, errors.Join(err, w.out.Close())
		}
	}
	return w, nil
}

func (w *writer) total() int { return w.problems * w.job.params.Samples }

func (w *writer) done() bool { return w.rows == w.total() }

// begin writes the first line of the metrics.
func (w *writer) begin(m *metrics) error {
	line := r1.MetricsLine{Type: "start", Total: w.total()}
	if w.resumed {
		at := w.rows + w.answers.waiting()
		line.Type, line.Step, line.Cursor = "resume", at, int64(at)
	}
	return m.say(line)
}

// write writes questions in their order until all are judged.
func (p *pipeline) write(ctx context.Context) error {
	pending := map[int]*question{}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case q, more := <-p.judged:
			if !more {
				return p.say(true)
			}
			pending[q.index] = q
			for next := pending[p.out.prompts]; next != nil; next = pending[p.out.prompts] {
				delete(pending, next.index)
				if err := p.put(next); err != nil {
					return err
				}
				<-p.window
			}
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := p.say(false); err != nil {
			return err
		}
		if p.out.due(p.step()) {
			if err := p.save(); err != nil {
				return err
			}
		}
	}
}

// put writes the rows of one question.
func (p *pipeline) put(q *question) error {
	w := p.out
	var buf bytes.Buffer
	for _, r := range q.rows {
		line, err := r.MarshalJSON()
		if err != nil {
			return fmt.Errorf("encode a row: %w", err)
		}
		buf.Write(line)
		buf.WriteByte('\n')
		w.fresh.add(r)
	}
	if _, err := w.out.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	w.size += int64(buf.Len())
	p.mu.Lock()
	w.rows += len(q.rows)
	w.prompts++
	delete(p.open, q.index)
	p.mu.Unlock()
	if time.Since(w.showed) > textEvery {
		w.showed = time.Now()
		text := map[string]string{"prompt": q.row.text("prompt"), "response": q.rows[0].text("response")}
		return p.metrics.say(r1.MetricsLine{Type: "text", Step: p.step(), Text: text})
	}
	return nil
}

const (
	stepEvery = 3 * time.Second
	textEvery = 10 * time.Second
)

// step counts the answers that are there: those of written rows, and those that wait.
func (p *pipeline) step() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settled + p.answers.waiting()
}

// numbers are what answers have cost.
func (p *pipeline) numbers() map[string]float64 {
	n := p.client.Counts()
	p.mu.Lock()
	defer p.mu.Unlock()
	return map[string]float64{
		"requests": float64(n.Requests), "retries": float64(n.Retries),
		"prompt_tokens": float64(p.paid.Prompt), "completion_tokens": float64(p.paid.Completion),
	}
}

// say writes a line of metrics now and then, where there is news.
func (p *pipeline) say(last bool) error {
	w := p.out
	step := p.step()
	if (!last && time.Since(w.said) < stepEvery) || (len(w.fresh.counts) == 0 && step <= w.saidStep) {
		return nil
	}
	line := r1.MetricsLine{Type: "step", Step: step, Total: w.total(), Values: with(w.fresh.values(), p.numbers())}
	w.fresh, w.said, w.saidStep = newTally(), time.Now(), step
	return p.metrics.say(line)
}

// finish puts the output in place and sums it up.
func (w *writer) finish() (map[string]float64, error) {
	if err := w.out.Sync(); err != nil {
		return nil, fmt.Errorf("write the output: %w", err)
	}
	if _, err := w.out.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read the output: %w", err)
	}
	all := newTally()
	if _, err := all.addAll(w.out); err != nil {
		return nil, err
	}
	if err := os.Rename(w.file, filepath.Join(filepath.Dir(w.file), samplesFile)); err != nil {
		return nil, fmt.Errorf("put the output in place: %w", err)
	}
	return all.values(), nil
}

func (w *writer) close() error { return w.out.Close() }
