package chaos

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// view reads a run from disk: from the folder that the S3 server keeps the bucket
// in, and from the folders of attempts. It sees also while nothing serves.
type view struct {
	bucket   string // folder
	attempts string // folder of the local launcher
	layout   r1.Layout
}

func (v view) object(key string) string { return filepath.Join(v.bucket, filepath.FromSlash(key)) }

// read decodes an object. One that is being replaced is read again.
func (v view) read(key string, into any) error {
	var err error
	for range 5 {
		var raw []byte
		if raw, err = os.ReadFile(v.object(key)); err == nil {
			if err = json.Unmarshal(raw, into); err == nil {
				return nil
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("read %s: %w", key, err)
}

// state is that of the run; pending as long as nothing is recorded.
func (v view) state() r1.RunRecord {
	rec := r1.RunRecord{State: r1.RunPending}
	_ = v.read(v.layout.StateFile(), &rec) // what cannot be read is not there yet
	return rec
}

func (v view) stage(name string) r1.StageRecord {
	rec := r1.StageRecord{Stage: name, State: r1.RunPending}
	_ = v.read(v.layout.StageFile(name), &rec)
	return rec
}

func (v view) committed(job r1.JobKey) bool {
	_, err := os.Stat(v.object(v.layout.Commit(job)))
	return err == nil
}

// tries lists the numbers of a job's attempts that have a spec, in order.
func (v view) tries(job r1.JobKey) []int {
	var numbers []int
	for n := 1; ; n++ {
		if _, err := os.Stat(v.object(v.layout.Attempt(job.Attempt(n)) + "/" + r1.SpecFile)); err != nil {
			return numbers
		}
		numbers = append(numbers, n)
	}
}

// checkpoint is the step of the newest complete checkpoint of a job, over all its attempts; -1 is none.
func (v view) checkpoint(job r1.JobKey) int {
	newest := -1
	found, _ := filepath.Glob(v.object(v.layout.Job(job)) + "/*/checkpoints/step-*/" + r1.CompleteFile)
	for _, f := range found {
		if n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(f)), "step-")); err == nil {
			newest = max(newest, n)
		}
	}
	return newest
}

// position is how far an attempt has come by the trainer's own lines.
type position struct {
	attempt int
	lines   int
	first   r1.MetricsLine
	step    int
	began   time.Time // the first line was written, by the file's time where nothing better is known
	job     time.Time // job.json was written: then the trainer is started
}

// position of a job's newest attempt that has a folder; attempt 0 is none.
func (v view) position(job r1.JobKey) position {
	var p position
	dir := filepath.Join(v.attempts, job.Run, job.Stage, job.Job)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return p
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			p.attempt = max(p.attempt, n)
		}
	}
	if p.attempt == 0 {
		return p
	}
	return v.positionOf(job.Attempt(p.attempt))
}

func (v view) positionOf(key r1.AttemptKey) position {
	p := position{attempt: key.Attempt}
	work := filepath.Join(v.attempts, key.Run, key.Stage, key.Job, strconv.Itoa(key.Attempt), "work")
	if info, err := os.Stat(filepath.Join(work, "job.json")); err == nil {
		p.job = info.ModTime()
	}
	raw, err := os.ReadFile(filepath.Join(work, r1.MetricsFile))
	if err != nil {
		return p
	}
	for line := range bytes.Lines(raw) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var m r1.MetricsLine
		if json.Unmarshal(line, &m) != nil {
			continue
		}
		if p.lines == 0 {
			p.first, p.began = m, m.Time
		}
		p.lines++
		p.step = m.Step
	}
	return p
}

// further says whether a job has come further than it was.
func (p position) further(before position) bool {
	return p.attempt > before.attempt && p.lines > 0 || p.attempt == before.attempt && p.lines > before.lines
}
