package estimate_test

import (
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestAPlanIsSetAgainstWhatHappened(t *testing.T) {
	rows := estimate.Between(80, 100, 120)
	f := estimate.Frozen{Seconds: estimate.Between(10, 20, 40), Jobs: []estimate.FrozenJob{
		{Stage: "rows", Job: "main", Seconds: estimate.Exactly(2), Hours: estimate.Exactly(0), Bytes: estimate.Exactly(1000), Rows: &rows},
		{Stage: "rl", Job: "phase-01", Seconds: estimate.Exactly(10), Hours: estimate.Exactly(0.5), Bytes: estimate.Exactly(500)},
		{Stage: "rl", Job: "phase-02", Seconds: estimate.Exactly(10), Hours: estimate.Exactly(0.5), Bytes: estimate.Exactly(500)},
		{Stage: "exam", Job: "main", Bytes: estimate.Exactly(10), Rows: &rows}, // of unknown time
		{Stage: "old", Job: "main", Seconds: estimate.Exactly(99), Hours: estimate.Exactly(9), Reused: true},
		{Stage: "never", Job: "main", Seconds: estimate.Exactly(99)},
	}}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	took := func(seconds int, c r1.Commit) *r1.Commit {
		c.Started, c.Ended, c.Attempt = begin, begin.Add(time.Duration(seconds)*time.Second), max(1, c.Attempt)
		return &c
	}
	stored := map[string]r1.Artifact{"model": {Bytes: 600}}
	commits := map[string]*r1.Commit{
		"rows/main":   took(4, r1.Commit{Funnel: &r1.Funnel{In: 200, Kept: 50}, Outputs: map[string]r1.Artifact{"data": {Bytes: 2000}}}),
		"rl/phase-01": took(15, r1.Commit{Outputs: stored, Usage: &r1.Usage{CPUSeconds: 3600}, Attempt: 3}),
		"rl/phase-02": took(15, r1.Commit{Outputs: stored, Usage: &r1.Usage{CPUSeconds: 3600}}),
		"exam/main":   took(7, r1.Commit{Kind: r1.KindEvaluate, Steps: 52}),
		"old/main":    {ReusedFrom: &r1.JobKey{Run: "before"}},
	}
	a := f.Against(40, func(stage, job string) *r1.Commit { return commits[stage+"/"+job] })
	by := map[string]estimate.StageAgainst{}
	for _, s := range a.Stages {
		by[s.Stage] = s
	}
	ratio := func(what string, b estimate.Beside, want float64) {
		t.Helper()
		switch {
		case want == 0 && b.Ratio != nil:
			t.Errorf("%s: ratio %g, want unknown", what, *b.Ratio)
		case want != 0 && (b.Ratio == nil || *b.Ratio < want*0.999 || *b.Ratio > want*1.001):
			t.Errorf("%s: %+v, want the ratio %g", what, b, want)
		}
	}
	ratio("wall time", a.Seconds, 2)
	ratio("rows: time", by["rows"].Seconds, 2)
	ratio("rows: rows", *by["rows"].Rows, 0.5)
	ratio("rows: storage", by["rows"].Bytes, 2)
	ratio("rl: time", by["rl"].Seconds, 1.5)
	ratio("rl: hours", by["rl"].Hours, 2)
	ratio("exam: rows, which it counts as steps", *by["exam"].Rows, 0.52)
	ratio("exam: time, which nobody estimated", by["exam"].Seconds, 0)
	ratio("total: time", a.Total.Seconds, 34./22)
	if e := by["exam"].Seconds; e.Planned.Known || e.Actual == nil || *e.Actual != 7 {
		t.Errorf("exam: %+v, want 7 s beside an unknown", e)
	}
	if h := by["exam"].Hours; h.Actual != nil {
		t.Errorf("exam: hours %v though nothing was measured", *h.Actual)
	}
	if by["old"].Reused != 1 || by["old"].Jobs != 0 || by["never"].Jobs != 0 || by["rl"].Tries != 2 || by["rl"].Rows != nil {
		t.Errorf("got %+v", a.Stages)
	}
	if len(a.Notes) != 1 {
		t.Errorf("notes %q", a.Notes)
	}
}
