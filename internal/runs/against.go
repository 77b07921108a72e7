package runs

import (
	"encoding/json"
	"fmt"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

// against sets the estimate of a run that has ended beside what it did; nil where nobody
// estimated it. r's commits are those that the status has just read.
func (r *Reader) against(st *Status) (*estimate.Against, error) {
	if !st.State.Ended() || len(r.run.Estimate) == 0 {
		return nil, nil
	}
	var f estimate.Frozen
	if err := json.Unmarshal(r.run.Estimate, &f); err != nil {
		return nil, fmt.Errorf("read the estimate of run %s: %w", r.run.ID, err)
	}
	if f.Version != estimate.FrozenVersion {
		return nil, nil // of another version of r1ctl: nothing is known of it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a := f.Against(st.Seconds, func(stage, job string) *r1.Commit {
		c, ok := r.commits[r1.JobKey{Run: r.run.ID, Stage: stage, Job: job}]
		if !ok {
			return nil
		}
		return &c
	})
	if len(r.run.Amendments) > 0 {
		a.Notes = append(a.Notes, "the run was amended after its plan was made")
	}
	return a, nil
}
