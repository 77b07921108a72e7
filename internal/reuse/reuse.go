package reuse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Store finds commits by fingerprint; *artifact.Store does.
type Store interface {
	FindEqual(ctx context.Context, fingerprint string, accept func(r1.Commit) bool) (r1.Commit, error)
}

// Input is what is known of an input of a job.
type Input struct {
	SHA256 string // of the content; "" is not known (yet)
	// Made says that this run makes it, or made it: it need not be what it was before.
	Made bool
}

// Found is what may be taken for a job.
type Found struct {
	// Commit is the equal commit; nil: there is none to take.
	Commit *r1.Commit
	// Unneeded says that Commit is that of a later job of the stage, which came from
	// outside: nothing asks for what this one would make.
	Unneeded bool
	// Differs names an input for which the equal commits had other bytes.
	Differs string
	// Open names an input that the run has yet to make: whether an equal commit can be
	// taken is known when it is there.
	Open string
}

// Find looks for an equal commit that was made of the same inputs. Inputs that do not
// bear on the result do not matter.
func Find(ctx context.Context, s Store, job *r1.PlannedJob, inputs map[string]Input) (Found, error) {
	var out Found
	c, err := s.FindEqual(ctx, job.Fingerprint, func(c r1.Commit) bool {
		differs, open := compare(&c, inputs)
		if differs != "" {
			out.Differs = differs
		} else if open != "" {
			out.Open = open
		}
		return differs == "" && open == ""
	})
	if errors.Is(err, r1.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return Found{}, fmt.Errorf("look for a job equal to %s/%s: %w", job.Stage, job.Name, err)
	}
	return Found{Commit: &c}, nil
}

// compare sets the inputs of a commit beside those that are known. What came from
// outside was made of none.
func compare(c *r1.Commit, inputs map[string]Input) (differs, open string) {
	var was map[string]string
	if c.Made != nil {
		was = c.Made.Inputs
		if c.Made.Adopted != nil {
			return "", ""
		}
	}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		in := inputs[name]
		switch {
		case !r1.InputBears(c.Kind, name):
		case in.SHA256 != "" && was[name] != "" && in.SHA256 != was[name]:
			return name, ""
		case in.Made && (in.SHA256 == "" || was[name] == "") && open == "":
			open = name
		}
	}
	return "", open
}

// Unneeded looks for the reason not to run a job of a stage whose result was adopted:
// the phases before an RL stage's last one. inputs tells what is known of a job's inputs.
func Unneeded(ctx context.Context, s Store, plan *r1.Plan, job *r1.PlannedJob, inputs func(*r1.PlannedJob) map[string]Input) (Found, error) {
	stage := plan.Stage(job.Stage)
	for stage != nil && len(stage.Jobs) > 1 {
		for _, ref := range stage.Outputs {
			if ref.Job == job.Name {
				return Found{}, nil // it makes what the stage is for
			}
		}
		i := slices.IndexFunc(stage.Jobs, func(j r1.PlannedJob) bool { return slices.Contains(j.After, job.Name) })
		if i < 0 {
			return Found{}, nil
		}
		job = &stage.Jobs[i]
		if job.Anew != "" || job.Take != nil {
			return Found{}, nil
		}
		found, err := Find(ctx, s, job, inputs(job))
		if err != nil {
			return Found{}, err
		}
		if c := found.Commit; c != nil && c.Made != nil && c.Made.Adopted != nil {
			return Found{Commit: c, Unneeded: true}, nil
		}
	}
	return Found{}, nil
}
