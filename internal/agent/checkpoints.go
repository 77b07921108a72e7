package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// keeper brings complete checkpoints to S3, the newest first, and removes those
// that newer ones replace. One goroutine at a time uses it.
type keeper struct {
	a      *agent
	dir    string       // local
	prefix string       // in S3
	stored []int        // steps in S3 that are ours to remove, ascending
	bad    map[int]bool // steps whose files are not what COMPLETE says
}

func newKeeper(a *agent) *keeper {
	return &keeper{a: a, dir: a.path(r1.CheckpointDir), prefix: path.Join(a.prefix, r1.CheckpointDir), bad: map[int]bool{}}
}

// run keeps checkpoints until ctx ends.
func (k *keeper) run(ctx context.Context) {
	away := outage{a: k.a, doing: "keep checkpoints"}
	k.a.everyTick(ctx, func() { away.note(ctx, k.tick(ctx)) })
}

// tick does what there is to do now. It is safe to repeat.
func (k *keeper) tick(ctx context.Context) error {
	for {
		step, marker, err := k.newest()
		if err != nil {
			return err
		}
		if step < 0 {
			return nil
		}
		if len(k.stored) == 0 || step > k.stored[len(k.stored)-1] {
			if err := k.upload(ctx, step, marker); err != nil {
				return errors.Join(err, k.pruneWaiting())
			}
		}
		if k.bad[step] {
			continue // the one before it may be whole
		}
		if err := k.pruneLocal(step); err != nil {
			return err
		}
		return k.pruneStored(ctx)
	}
}

// newest finds the local complete checkpoint with the highest step; -1 is none.
func (k *keeper) newest() (int, r1.CompleteMarker, error) {
	steps, err := k.local()
	if err != nil {
		return -1, r1.CompleteMarker{}, err
	}
	for _, step := range slices.Backward(steps) {
		if k.bad[step] {
			continue
		}
		var marker r1.CompleteMarker
		complete, err := readJSON(filepath.Join(k.folder(step), r1.CompleteFile), &marker)
		switch {
		case complete && (err != nil || marker.Step != step || len(marker.Files) == 0):
			k.reject(step, fmt.Errorf("its %s file is not valid: %w", r1.CompleteFile, err))
		case err != nil:
			return -1, marker, err
		case complete:
			return step, marker, nil
		}
	}
	return -1, r1.CompleteMarker{}, nil
}

// local lists the steps that have a folder, complete or not, ascending.
func (k *keeper) local() ([]int, error) {
	entries, err := os.ReadDir(k.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var steps []int
	for _, e := range entries {
		if n, ok := strings.CutPrefix(e.Name(), "step-"); ok && e.IsDir() {
			if step, err := strconv.Atoi(n); err == nil && stepName(step) == e.Name() {
				steps = append(steps, step)
			}
		}
	}
	slices.Sort(steps)
	return steps, nil
}

func stepName(step int) string { return "step-" + strconv.Itoa(step) }

func (k *keeper) folder(step int) string { return filepath.Join(k.dir, stepName(step)) }

// upload stores a checkpoint, or marks it as bad. The COMPLETE object is written last.
func (k *keeper) upload(ctx context.Context, step int, marker r1.CompleteMarker) error {
	files := make([]artifact.File, len(marker.Files))
	for i, f := range marker.Files {
		files[i] = artifact.File{Path: f.Path, Size: f.Size, SHA256: f.SHA256}
	}
	prefix := path.Join(k.prefix, stepName(step))
	checkpoint := r1.Checkpoint{Step: step, Prefix: prefix}
	for doomed := true; doomed; {
		entries, err := k.a.cfg.Store.UploadFiles(ctx, k.folder(step), prefix, files, nil)
		if err != nil {
			if ctx.Err() != nil || isPassing(err) {
				return err
			}
			k.reject(step, err) // torn, or removed by the trainer meanwhile
			return nil
		}
		fault.Point(fault.AgentCheckpoint, prefix)
		checkpoint.Files = entries
		if err := k.a.cfg.Store.PutJSON(ctx, path.Join(prefix, r1.CompleteFile), checkpoint); err != nil {
			return err
		}
		// What it points to may be about to be removed: the next round stores it anew.
		if doomed, err = k.a.cfg.Store.AnyDoomed(ctx, entries); err != nil {
			return err
		}
	}
	fault.Point(fault.AgentMarked, prefix)
	k.stored = append(k.stored, step)
	k.a.live.set(func(l *live) { l.checkpoint = &checkpoint })
	k.a.cfg.Logger.Info("checkpoint stored", "step", step, "prefix", prefix)
	return nil
}

func (k *keeper) reject(step int, why error) {
	k.bad[step] = true
	k.a.cfg.Logger.Warn("checkpoint left out", "step", step, "error", why)
}

// pruneLocal removes what the complete checkpoint of a step replaces, torn
// leftovers too. The trainer reads no checkpoint but the one it was started with.
func (k *keeper) pruneLocal(newest int) error {
	steps, err := k.local()
	if err != nil {
		return err
	}
	for _, step := range steps {
		if step < newest {
			if err := os.RemoveAll(k.folder(step)); err != nil {
				return fmt.Errorf("remove old checkpoint: %w", err)
			}
		}
	}
	return nil
}

// waiting is how many complete checkpoints wait for an S3 that is away.
const waiting = 2

// pruneWaiting removes what nobody will want when S3 is back, so that hours of
// checkpoints do not fill the disk: all but the newest complete ones, of which
// one may turn out to be torn.
func (k *keeper) pruneWaiting() error {
	steps, err := k.local()
	if err != nil {
		return err
	}
	complete := 0
	for _, step := range slices.Backward(steps) {
		if complete == waiting {
			return k.pruneLocal(step + 1)
		}
		if _, err := os.Stat(filepath.Join(k.folder(step), r1.CompleteFile)); err == nil && !k.bad[step] {
			complete++
		}
	}
	return nil
}

// pruneStored removes from S3 what retention does not ask for. The heartbeat
// names a newer checkpoint before an older one goes, because the controller
// resumes from the one named.
func (k *keeper) pruneStored(ctx context.Context) error {
	keep := max(k.a.spec.KeepCheckpoints, 1)
	if len(k.stored) <= keep {
		return nil
	}
	if err := k.a.beat(ctx); err != nil {
		return err
	}
	for len(k.stored) > keep {
		prefix := path.Join(k.prefix, stepName(k.stored[0]))
		if err := k.a.cfg.Store.Delete(ctx, path.Join(prefix, r1.CompleteFile)); err != nil {
			return err
		}
		fault.Point(fault.AgentForgetting, prefix)
		objects, err := k.a.cfg.Store.FilesUnder(ctx, prefix)
		if err != nil {
			return err
		}
		for _, o := range objects {
			if err := k.a.cfg.Store.Delete(ctx, o.Key); err != nil {
				return err
			}
		}
		k.stored = k.stored[1:]
	}
	return nil
}
