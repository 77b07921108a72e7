package runs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// count adds a job's attempts to those of its stage.
func (s *Stage) count(j *Job) {
	s.Attempts += j.Attempts
	s.Retried += max(0, j.Attempts-1)
	for class, n := range j.Ends {
		if s.Ends == nil {
			s.Ends = map[r1.Class]int{}
		}
		s.Ends[class] += n
	}
}

// before is what a spec says of the attempts before its own.
type before struct {
	ends      map[r1.Class]int // how they failed
	rollbacks []r1.Rollback
}

// beforeAttempt is what went before an attempt. Its spec says so, and never changes.
func (r *Reader) beforeAttempt(ctx context.Context, key r1.AttemptKey) (before, error) {
	r.mu.Lock()
	found, ok := r.before[key]
	r.mu.Unlock()
	if ok {
		return found, nil
	}
	var spec r1.Spec
	err := r.store.GetJSON(ctx, path.Join(r.layout.Attempt(key), r1.SpecFile), &spec)
	if errors.Is(err, r1.ErrNotFound) {
		return before{}, nil
	}
	if err != nil {
		return before{}, fmt.Errorf("read the spec of %s: %w", key, err)
	}
	found = before{spec.Ends, spec.Rollbacks}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.before[key] = found
	return found, nil
}

// endsOf is how the attempts up to one failed, whose job is not committed.
func (r *Reader) endsOf(ctx context.Context, key r1.AttemptKey, before map[r1.Class]int, stage r1.RunState) (map[r1.Class]int, error) {
	if !stage.Ended() {
		return before, nil // where it goes on, the next attempt's spec will say
	}
	var res r1.Result
	err := r.store.GetJSON(ctx, path.Join(r.layout.Attempt(key), r1.ResultFile), &res)
	if err != nil && !errors.Is(err, r1.ErrNotFound) {
		return nil, fmt.Errorf("read the result of %s: %w", key, err)
	}
	if res.Class == "" {
		return before, nil
	}
	ends := maps.Clone(before)
	if ends == nil {
		ends = map[r1.Class]int{}
	}
	ends[res.Class]++
	return ends, nil
}
