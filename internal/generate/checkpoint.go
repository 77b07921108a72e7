package generate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/wholefile"
)

// Files of a checkpoint.
const (
	rowsFile     = "rows.jsonl"    // what is written
	answersFile  = "answers.jsonl" // answers that wait for an earlier row
	progressFile = "progress.json"
)

// progress is progress.json of a checkpoint.
type progress struct {
	Identity string `json:"identity"`
	Rows     int    `json:"rows"`
	Prompts  int    `json:"prompts"`
	Paid     usage  `json:"paid"`
}

// How often a checkpoint is made: about ten over the job, as the trainer does, but
// not within seconds, and at least so often that answers that were paid for are not
// long on this machine alone; a large one less often, as all of it is stored anew.
const (
	checkpointShare   = 10
	checkpointPause   = 2 * time.Second
	checkpointLongest = time.Minute
	checkpointRate    = 2 << 20 // bytes a second
)

// due says whether it is time for a checkpoint.
func (w *writer) due(step int) bool {
	since := time.Since(w.saved)
	if step <= w.savedFor || w.done() || since < checkpointPause {
		return false
	}
	every := (w.total() + checkpointShare - 1) / checkpointShare
	costs := time.Duration(w.size/checkpointRate) * time.Second
	return (w.rows/every > w.savedAt/every && since >= costs) || since >= max(checkpointLongest, costs)
}

// save makes a checkpoint of the rows that are written and of the answers that wait.
// Its step is the number of answers in it. One of that step may be there already.
func (p *pipeline) save() error {
	w := p.out
	p.mu.Lock()
	waiting := p.answers.left()
	step := p.settled + len(waiting)
	open := make([]int, 0, len(p.open))
	for index := range p.open {
		open = append(open, index)
	}
	slices.Sort(open)
	for _, index := range open {
		for _, e := range p.open[index].answers {
			if e != nil {
				waiting = append(waiting, *e)
			}
		}
	}
	now := progress{Identity: w.job.identity(w.problems), Rows: w.rows, Prompts: w.prompts, Paid: p.paid}
	p.mu.Unlock()
	w.saved, w.savedAt = time.Now(), w.rows
	if step <= w.savedFor || step == 0 {
		return nil
	}
	w.savedFor = step
	return saveCheckpoint(w.job.path(w.job.Checkpoints), step, func(c *checkpoint) error {
		if err := w.out.Sync(); err != nil {
			return err
		}
		if err := c.add(rowsFile, io.NewSectionReader(w.out, 0, w.size)); err != nil {
			return err
		}
		lines, done := io.Pipe()
		go func() {
			var err error
			for _, e := range waiting {
				if _, err = done.Write(append(encode(e), '\n')); err != nil {
					break
				}
			}
			done.CloseWithError(err)
		}()
		if err := c.add(answersFile, lines); err != nil {
			return err
		}
		return c.addJSON(progressFile, now)
	})
}

// restore goes on from a checkpoint.
func (w *writer) restore(dir string, step int) error {
	var now progress
	if err := readJSONFile(filepath.Join(dir, progressFile), &now); err != nil {
		return err
	}
	if now.Identity != w.job.identity(w.problems) {
		return misfit("the checkpoint %s was made by a job with other prompts or params", dir)
	}
	rows, err := os.Open(filepath.Join(dir, rowsFile))
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer rows.Close()
	if w.size, err = io.Copy(w.out, rows); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	entries, err := readEntries(filepath.Join(dir, answersFile))
	if err != nil {
		return err
	}
	for _, e := range entries {
		w.answers.give(e)
	}
	w.rows, w.prompts, w.paid, w.resumed = now.Rows, now.Prompts, now.Paid, true
	if at := w.rows + w.answers.waiting(); at != step {
		return misfit("the checkpoint %s of step %d holds %d answers", dir, step, at)
	}
	w.savedFor, w.savedAt, w.saidStep = step, w.rows, step
	return nil
}

// checkpoint is a folder of files that is being made.
type checkpoint struct {
	dir    string
	marker r1.CompleteMarker
}

// saveCheckpoint makes root/step-N: complete or absent, never half. Its COMPLETE
// file is written last.
func saveCheckpoint(root string, step int, fill func(*checkpoint) error) error {
	target := filepath.Join(root, fmt.Sprintf("step-%d", step))
	if _, err := os.Stat(filepath.Join(target, r1.CompleteFile)); err == nil {
		return nil
	}
	c := &checkpoint{dir: filepath.Join(root, fmt.Sprintf(".step-%d.building", step)), marker: r1.CompleteMarker{Step: step}}
	err := os.RemoveAll(c.dir)
	if err == nil {
		err = os.RemoveAll(target)
	}
	if err == nil {
		err = os.MkdirAll(c.dir, 0o755)
	}
	if err == nil {
		err = fill(c)
	}
	if err == nil {
		err = os.Rename(c.dir, target)
	}
	if err == nil {
		err = wholefile.Replace(filepath.Join(target, r1.CompleteFile), encode(c.marker), 0o644)
	}
	if err == nil {
		err = wholefile.SyncDir(root)
	}
	if err != nil {
		return fmt.Errorf("save the checkpoint of step %d: %w", step, err)
	}
	return nil
}

// add writes a file and notes what is in it.
func (c *checkpoint) add(name string, from io.Reader) error {
	f, err := os.Create(filepath.Join(c.dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	var sum hash.Hash = sha256.New()
	size, err := io.Copy(io.MultiWriter(f, sum), from)
	if err == nil {
		err = f.Sync()
	}
	c.marker.Files = append(c.marker.Files, struct {
		Path   string `json:"path"`
		Size   int64  `json:"size"`
		SHA256 string `json:"sha256"`
	}{name, size, hex.EncodeToString(sum.Sum(nil))})
	return err
}

func (c *checkpoint) addJSON(name string, v any) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(json.NewEncoder(w).Encode(v)) }()
	return c.add(name, r)
}

func readJSONFile(file string, v any) error {
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, v)
	}
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}
