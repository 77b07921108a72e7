package report

import (
	"fmt"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// funnels lists the counts of rows of every job that has them.
func funnels(r *Report) []Funnel {
	var out []Funnel
	for i := range r.Stages {
		s := &r.Stages[i]
		for k := range s.Jobs {
			j := &s.Jobs[k]
			if j.commit == nil || j.commit.Funnel == nil {
				continue
			}
			f := Funnel{Stage: s.Name, Job: j.Name, Title: s.Label(), Kind: s.Kind, Funnel: *j.commit.Funnel}
			f.Lost = f.In - f.Kept
			for _, d := range f.Dropped {
				f.Lost -= d.Rows
			}
			out = append(out, f)
		}
	}
	return out
}

// failures lists the attempts that ended without success, and what followed.
func failures(r *Report) []Failure {
	var out []Failure
	for i := range r.Stages {
		s := &r.Stages[i]
		listed := false
		for k := range s.Jobs {
			j := &s.Jobs[k]
			for n := range j.Attempts {
				f, failed := failure(s, j, n)
				if failed {
					out, listed = append(out, f), true
				}
			}
		}
		// A stage may fail without an attempt: its plan or its data were refused.
		if s.State == r1.RunFailed && !listed {
			out = append(out, Failure{Stage: s.Name, Cause: s.Error, Remedy: s.Remedy, Then: "the stage failed"})
		}
	}
	return out
}

func failure(s *Stage, j *Job, n int) (Failure, bool) {
	a := &j.Attempts[n]
	last := n == len(j.Attempts)-1
	f := Failure{Stage: s.Name, Job: j.Name, Attempt: a.Number, Class: a.Class, Name: a.Name, Cause: a.Error}
	switch {
	case a.Outcome == r1.Succeeded:
		return f, false
	case a.Outcome == "" && (last && s.State != r1.RunFailed && s.State != r1.RunCancelled):
		return f, false // it may still live
	case a.Outcome == "":
		f.Class, f.Cause = r1.ClassInfrastructure, "it left no result: its agent was lost or stopped"
		if s.Kind == r1.KindCurate {
			f.Cause = "the worker that computed it was lost, or the computation failed"
		}
	}
	if f.Cause == "" {
		f.Cause = "ended " + string(a.Outcome)
	}
	f.Remedy = remedyOf(f.Class)
	if s.State == r1.RunFailed && last {
		f.Then = "the stage failed"
		if s.Remedy != "" {
			f.Remedy = s.Remedy
		}
		return f, true
	}
	f.Then = "nothing yet"
	switch {
	case !last && j.Attempts[n+1].RolledBack != nil:
		f.Then, f.Remedy = fmt.Sprintf("attempt %d %s", j.Attempts[n+1].Number, j.Attempts[n+1].RolledBack), "none: it went back, with the change that its guard names"
	case !last && j.Attempts[n+1].ResumedFrom != nil:
		f.Then = fmt.Sprintf("attempt %d went on from step %d", j.Attempts[n+1].Number, *j.Attempts[n+1].ResumedFrom)
	case !last:
		f.Then = fmt.Sprintf("attempt %d started again", j.Attempts[n+1].Number)
	case s.State == r1.RunCancelled:
		f.Then = "the run was cancelled"
	}
	return f, true
}

// remedyOf says what a class of failure asks of a person, if anything.
func remedyOf(c r1.Class) string {
	switch c {
	case r1.ClassPreempted:
		return "none: it goes on from its newest checkpoint"
	case r1.ClassInfrastructure:
		return "none while attempts are left; if it comes again, look at the machine"
	case r1.ClassOOM:
		return "less memory at once: a smaller batch_size or max_tokens, or a larger machine"
	case r1.ClassDiverged:
		return "a lower learning_rate, or a larger kl_beta"
	case r1.ClassConfig:
		return "correct the recipe, and start a new run"
	case r1.ClassProgram:
		return "see its log with r1ctl logs"
	}
	return ""
}
