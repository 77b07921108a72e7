package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/verify/python"
)

// startLimit bounds the start of Python and the import of a library: seconds on
// an idle machine, and never part of an item's time.
const startLimit = 2 * time.Minute

const (
	module   = "r1trainer.judges"
	maxReply = 1 << 20 // bytes; replies are a few hundred
)

// start starts a process that judges.
func start(o Options) (*python.Process, error) {
	return python.Start(python.Command{
		Python: o.Python, Args: []string{"-m", module}, Dir: "/", Log: o.Log,
		Environ: append(slices.Clip(o.Environ),
			"PYTHONHASHSEED=0", // or sets give other puzzles, and scorers other verdicts, each time
			"PYTHONSAFEPATH=1", "PYTHONUNBUFFERED=1",
			"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", // one process a core is enough
		),
	})
}

// worker is one place in the pool. Whoever took it from there owns it.
type worker struct {
	pool    *Pool
	process *python.Process   // nil when none runs
	loaded  map[string]string // library versions by kind, of this process
	kinds   []string          // all that were ever asked for
	judged  int               // items, by this process
	resume  time.Time         // no start before it
	pause   time.Duration
}

// judge has the process judge an item, whatever it takes to have one.
func (w *worker) judge(kind, id string, line []byte) Result {
	if err := w.ready(kind); err != nil {
		return unverified(ReasonUnavailable)
	}
	version := w.loaded[kind]
	started := time.Now()
	said, err := w.ask(id, line, w.pool.options.Deadline)
	took := time.Since(started)
	if err == nil && said.Label != r1.Correct && said.Label != r1.Wrong && said.Label != r1.Unverified {
		err = fmt.Errorf("it said %q", said.Label)
	}
	w.judged++
	if err != nil {
		w.stop() // what it is at is unknown, and an answer that comes late is that of another item
		r := unverified(reasonOf(err))
		if w.pool.alive.Err() != nil {
			r.Reason = ReasonUnavailable
		}
		r.Version, r.Took = version, took
		return r
	}
	if said.Version != "" {
		version = said.Version
	}
	return Result{Label: said.Label, Reason: said.Reason, Answer: said.Answer, Version: version, Score: said.Score, Took: took}
}

// renew replaces a process that has judged enough, or is gone, while nobody
// waits for this worker.
func (w *worker) renew() {
	if w.judged >= w.pool.options.Recycle {
		w.stop()
	}
	if w.process != nil || len(w.kinds) == 0 {
		return
	}
	for _, kind := range w.kinds {
		if w.ready(kind) != nil {
			return // the next item tries again, and says so
		}
	}
}

// ready makes sure of a process that has imported what a kind needs. One that
// keeps failing is tried less and less often, at most once a minute.
func (w *worker) ready(kind string) error {
	switch {
	case w.pool.alive.Err() != nil:
		return errClosed
	case w.process != nil && w.loaded[kind] != "":
		return nil
	case time.Now().Before(w.resume):
		return errors.New("it failed to start just now")
	}
	err := w.load(kind)
	if err == nil {
		w.pause = 0
		return nil
	}
	w.stop()
	w.pause = min(max(2*w.pause, time.Second), time.Minute)
	w.resume = time.Now().Add(w.pause)
	return err
}

func (w *worker) load(kind string) error {
	if w.process == nil {
		p, err := start(w.pool.options)
		if err != nil {
			return err
		}
		w.process, w.loaded, w.judged = p, map[string]string{}, 0
	}
	id := w.pool.nextID()
	line, err := json.Marshal(map[string]string{"id": id, "load": kind})
	if err != nil {
		return err
	}
	said, err := w.ask(id, line, startLimit)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it was not ready within %v", startLimit)
	case err != nil:
		return fmt.Errorf("python -m %s ended before it was ready: %w", module, err)
	case said.Error != "":
		return errors.New(said.Error)
	case said.Version == "":
		return errors.New("it does not say its version")
	}
	w.loaded[kind] = said.Version
	for _, k := range w.kinds {
		if k == kind {
			return nil
		}
	}
	w.kinds = append(w.kinds, kind)
	return nil
}

// ask sends a request and reads its reply; the end of the pool ends the wait.
func (w *worker) ask(id string, line []byte, timeout time.Duration) (reply, error) {
	var said reply
	raw, err := w.process.Ask(w.pool.alive, line, time.Now().Add(timeout), maxReply)
	if err != nil {
		return said, err
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		return said, fmt.Errorf("its reply is no JSON: %w", err)
	}
	if said.ID != id {
		return said, fmt.Errorf("it replied to %q, asked was %q", said.ID, id)
	}
	return said, nil
}

// stop ends the process, if there is one.
func (w *worker) stop() {
	if w.process != nil {
		w.process.Stop()
		w.process = nil
	}
}
