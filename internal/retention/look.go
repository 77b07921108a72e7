package retention

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
)

// Store is what this package needs of the artifact store.
type Store interface {
	runs.Store
	Head(ctx context.Context, key string) (artifact.Object, error)
	Delete(ctx context.Context, key string) error
	Doom(ctx context.Context, d artifact.Doomed) error
	Dooms(ctx context.Context, d artifact.Doomed) (bool, error)
	Spare(ctx context.Context, d artifact.Doomed) error
}

// A view is a run as the bucket has it.
type view struct {
	run     *r1.Run
	layout  r1.Layout
	over    bool // it has ended, and nothing drives it
	ended   time.Time
	plans   []*r1.Plan // the first one, and that of each amendment
	objects map[string]int64
	keys    []string // of objects, sorted
	commits map[r1.JobKey]r1.Commit
	results map[r1.AttemptKey]r1.Result
	outputs map[string]output      // what attempts wrote, by prefix
	stored  map[string]r1.Manifest // of these, those that are whole
	saved   []checkpoint
	removed r1.Removed
	giveUp  string // why all of it may go; empty: it may not
}

type checkpoint struct {
	attempt r1.AttemptKey
	step    int
	prefix  string
	whole   bool
	files   []r1.ManifestEntry
}

// Open tells whether a run's workflow is open: then the run is not over, whatever
// its record says.
type Open func(ctx context.Context, run string) (bool, error)

// look reads everything about a run that decisions are made by. Who cannot read
// something cannot decide, so every error ends it.
func look(ctx context.Context, s Store, id string, open Open) (*view, error) {
	run, err := runs.Load(ctx, s, id)
	if err != nil {
		return nil, err
	}
	v := &view{run: run, layout: r1.Layout{Recipe: run.Recipe, Run: run.ID}, objects: map[string]int64{},
		commits: map[r1.JobKey]r1.Commit{}, results: map[r1.AttemptKey]r1.Result{}, outputs: map[string]output{}, stored: map[string]r1.Manifest{}}
	var rec r1.RunRecord
	if _, err := read(ctx, s, v.layout.StateFile(), &rec); err != nil {
		return nil, err
	}
	if v.over = rec.State.Ended() && rec.State != ""; v.over {
		isOpen, err := open(ctx, id)
		if err != nil {
			return nil, err
		}
		v.over = !isOpen
	}
	v.ended = rec.Ended
	if v.ended.IsZero() {
		v.ended = run.Created
	}
	if _, err := read(ctx, s, v.layout.Removed(), &v.removed); err != nil {
		return nil, err
	}
	if err := v.readPlans(ctx, s); err != nil {
		return nil, err
	}
	for o, err := range s.List(ctx, v.layout.Prefix()+"/") {
		if err != nil {
			return nil, fmt.Errorf("list what run %s holds: %w", id, err)
		}
		v.objects[o.Key] = o.Size
		v.keys = append(v.keys, o.Key)
	}
	slices.Sort(v.keys)
	if err := v.readJobs(ctx, s); err != nil {
		return nil, err
	}
	return v, v.readArtifacts(ctx, s)
}

func read(ctx context.Context, s Store, key string, into any) (bool, error) {
	err := s.GetJSON(ctx, key, into)
	if errors.Is(err, r1.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	return true, nil
}

func (v *view) readPlans(ctx context.Context, s Store) error {
	var first r1.Run
	if err := s.GetJSON(ctx, v.layout.RunFile(), &first); err != nil {
		return fmt.Errorf("read run %s: %w", v.run.ID, err)
	}
	v.plans = append(v.plans, &first.Plan)
	for _, a := range v.run.Amendments {
		var full r1.Amendment
		if err := s.GetJSON(ctx, v.layout.Amendment(a.Number), &full); err != nil {
			return fmt.Errorf("read amendment %d of run %s: %w", a.Number, v.run.ID, err)
		}
		if full.Plan != nil {
			v.plans = append(v.plans, full.Plan)
		}
	}
	return nil
}

// readJobs reads commits, results and checkpoints: <jobs>/<stage>/<job>/<…>.
func (v *view) readJobs(ctx context.Context, s Store) error {
	steps := map[string]*checkpoint{}
	for _, key := range v.keys {
		rest, ok := strings.CutPrefix(key, v.layout.Jobs())
		if !ok {
			continue
		}
		p := strings.Split(rest, "/")
		if len(p) < 3 {
			continue
		}
		job := r1.JobKey{Run: v.run.ID, Stage: p[0], Job: p[1]}
		if key == v.layout.Commit(job) {
			var c r1.Commit
			if err := s.GetJSON(ctx, key, &c); err != nil {
				return fmt.Errorf("read the commit of %s: %w", job, err)
			}
			v.commits[job] = c
			continue
		}
		n, err := strconv.Atoi(p[2])
		if err != nil || len(p) < 4 {
			continue
		}
		attempt := job.Attempt(n)
		switch {
		case p[3] == r1.ResultFile && len(p) == 4:
			var res r1.Result
			if err := s.GetJSON(ctx, key, &res); err != nil {
				return fmt.Errorf("read the result of %s: %w", attempt, err)
			}
			v.results[attempt] = res
		case p[3] == r1.CheckpointDir && len(p) >= 6:
			if err := v.addCheckpoint(ctx, s, steps, attempt, p[4], key); err != nil {
				return err
			}
		}
	}
	for _, c := range steps {
		v.saved = append(v.saved, *c)
	}
	// The newest first: of a later attempt, where two have the same step.
	slices.SortFunc(v.saved, func(a, b checkpoint) int {
		if a.step != b.step {
			return b.step - a.step
		}
		if a.attempt.Attempt != b.attempt.Attempt {
			return b.attempt.Attempt - a.attempt.Attempt
		}
		return strings.Compare(a.prefix, b.prefix)
	})
	return nil
}

func (v *view) addCheckpoint(ctx context.Context, s Store, steps map[string]*checkpoint, attempt r1.AttemptKey, folder, key string) error {
	number, ok := strings.CutPrefix(folder, "step-")
	step, err := strconv.Atoi(number)
	if !ok || err != nil {
		return nil // not ours
	}
	prefix := path.Join(v.layout.Attempt(attempt), r1.CheckpointDir, folder)
	c := steps[prefix]
	if c == nil {
		c = &checkpoint{attempt: attempt, step: step, prefix: prefix}
		steps[prefix] = c
	}
	if key != prefix+"/"+r1.CompleteFile {
		return nil
	}
	var complete r1.Checkpoint
	found, err := read(ctx, s, key, &complete)
	if err != nil {
		return err
	}
	c.whole, c.files = found, complete.Files
	return nil
}

// An output is where an attempt of a job puts an artifact.
type output struct {
	attempt r1.AttemptKey
}

var laterAttempt = regexp.MustCompile(`^(.+)\.attempt-([0-9]+)$`)

// readArtifacts finds the outputs of attempts, and reads their manifests. Folders
// that no plan of the run names are not ours.
func (v *view) readArtifacts(ctx context.Context, s Store) error {
	planned := map[string]output{}
	for job := range v.jobs() {
		for _, o := range job.Outputs {
			planned[v.layout.Artifact(o, 1)] = output{attempt: r1.JobKey{Run: v.run.ID, Stage: job.Stage, Job: job.Name}.Attempt(1)}
		}
	}
	for _, key := range v.keys {
		prefix, o, ok := outputOf(planned, v.layout.Prefix(), key)
		if !ok {
			continue
		}
		v.outputs[prefix] = o
		if key != prefix+"/"+r1.ManifestFile {
			continue
		}
		var m r1.Manifest
		found, err := read(ctx, s, key, &m)
		if err != nil {
			return err
		}
		if found && m.Version != r1.ManifestVersion {
			return &r1.Error{Name: "artifact-version", Detail: fmt.Sprintf("%s has manifest version %d, this r1ctl reads %d", key, m.Version, r1.ManifestVersion),
				Remedy: "use the r1ctl version that wrote it, or newer"}
		}
		if found {
			v.stored[prefix] = m
		}
	}
	return nil
}

// outputOf finds the output that an object belongs to.
func outputOf(planned map[string]output, root, key string) (string, output, bool) {
	for up := path.Dir(key); len(up) > len(root); up = path.Dir(up) {
		if o, ok := planned[up]; ok {
			return up, o, true
		}
		m := laterAttempt.FindStringSubmatch(up)
		if m == nil {
			continue
		}
		o, ok := planned[m[1]]
		n, err := strconv.Atoi(m[2])
		if ok && err == nil && n > 1 {
			o.attempt.Attempt = n
			return up, o, true
		}
	}
	return "", output{}, false
}

// jobs yields the jobs of every plan that the run has had.
func (v *view) jobs() iter.Seq[*r1.PlannedJob] {
	return func(yield func(*r1.PlannedJob) bool) {
		for _, plan := range v.plans {
			for i := range plan.Stages {
				for j := range plan.Stages[i].Jobs {
					if !yield(&plan.Stages[i].Jobs[j]) {
						return
					}
				}
			}
		}
	}
}

// below yields the keys under a folder.
func (v *view) below(folder string) iter.Seq[string] {
	return func(yield func(string) bool) {
		i, _ := slices.BinarySearch(v.keys, folder+"/")
		for ; i < len(v.keys) && strings.HasPrefix(v.keys[i], folder+"/"); i++ {
			if !yield(v.keys[i]) {
				return
			}
		}
	}
}
