package reuse_test

import (
	"context"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/reuse"
)

// commits are by fingerprint, newest first.
type commits map[string][]r1.Commit

func (s commits) FindEqual(_ context.Context, fp string, accept func(r1.Commit) bool) (r1.Commit, error) {
	for _, c := range s[fp] {
		if accept(c) {
			return c, nil
		}
	}
	return r1.Commit{}, r1.ErrNotFound
}

func commit(run string, kind r1.Kind, inputs map[string]string) r1.Commit {
	return r1.Commit{Key: r1.JobKey{Run: run}, Kind: kind, Made: &r1.Made{Inputs: inputs}}
}

func TestWhatMayBeReused(t *testing.T) {
	of := func(sha string) map[string]string { return map[string]string{"data": sha} }
	made := func(sha string) map[string]reuse.Input {
		return map[string]reuse.Input{"data": {SHA256: sha, Made: true}}
	}
	there := func(sha string) map[string]reuse.Input { return map[string]reuse.Input{"data": {SHA256: sha}} }
	adopted := r1.Commit{Key: r1.JobKey{Run: "outside"}, Kind: r1.KindSFT, Made: &r1.Made{Adopted: &r1.Adopted{From: "somewhere"}}}
	older := r1.Commit{Key: r1.JobKey{Run: "older"}, Kind: r1.KindSFT} // of a version that kept no record
	problems := commit("rl", r1.KindGRPO, nil)
	for name, c := range map[string]struct {
		there   []r1.Commit
		inputs  map[string]reuse.Input
		want    string
		differs string
		open    string
	}{
		"nothing equal":                         {nil, there("a"), "", "", ""},
		"made of the same":                      {[]r1.Commit{commit("x", r1.KindSFT, of("a"))}, there("a"), "x", "", ""},
		"made of other bytes":                   {[]r1.Commit{commit("x", r1.KindSFT, of("a"))}, there("b"), "", "data", ""},
		"an older one was made of the same":     {[]r1.Commit{commit("y", r1.KindSFT, of("b")), commit("x", r1.KindSFT, of("a"))}, there("a"), "x", "", ""},
		"the input was made anew, and is equal": {[]r1.Commit{commit("x", r1.KindSFT, of("a"))}, made("a"), "x", "", ""},
		"the input is yet to be made":           {[]r1.Commit{commit("x", r1.KindSFT, of("a"))}, made(""), "", "", "data"},
		"the input is not known":                {[]r1.Commit{commit("x", r1.KindSFT, of("a"))}, there(""), "x", "", ""},
		"no record, and the same input":         {[]r1.Commit{older}, there("a"), "older", "", ""},
		"no record, and an input made anew":     {[]r1.Commit{older}, made("a"), "", "", "data"},
		"from outside, whatever goes in":        {[]r1.Commit{adopted}, made(""), "outside", "", ""},
		"problems that it is only measured by":  {[]r1.Commit{problems}, map[string]reuse.Input{"problems": {Made: true}}, "rl", "", ""},
	} {
		got, err := reuse.Find(context.Background(), commits{"f": c.there}, &r1.PlannedJob{Fingerprint: "f"}, c.inputs)
		if err != nil {
			t.Fatal(err)
		}
		run := ""
		if got.Commit != nil {
			run = got.Commit.Key.Run
		}
		if run != c.want || got.Differs != c.differs || got.Open != c.open {
			t.Errorf("%s: took %q, differs in %q, open %q; want %q, %q, %q", name, run, got.Differs, got.Open, c.want, c.differs, c.open)
		}
	}
}

// The phases before an adopted last one are not needed; those before one that a run made are.
func TestPhasesBeforeAnAdoptedOne(t *testing.T) {
	phase := func(name, after string) r1.PlannedJob {
		j := r1.PlannedJob{Stage: "zero", Name: name, Kind: r1.KindGRPO, Fingerprint: name}
		if after != "" {
			j.After = []string{after}
		}
		return j
	}
	plan := &r1.Plan{Stages: []r1.PlannedStage{{Name: "zero", Kind: r1.KindGRPO,
		Jobs:    []r1.PlannedJob{phase("one", ""), phase("two", "one"), phase("three", "two")},
		Outputs: map[string]r1.OutputRef{"model": {Stage: "zero", Job: "three", Output: "model"}}}}}
	last := r1.Commit{Key: r1.JobKey{Run: "outside"}, Kind: r1.KindGRPO, Made: &r1.Made{Adopted: &r1.Adopted{From: "somewhere"}}}
	unneeded := func(job string, s commits) bool {
		t.Helper()
		f, err := reuse.Unneeded(context.Background(), s, plan, plan.Stages[0].Job(job), func(*r1.PlannedJob) map[string]reuse.Input { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if f.Unneeded != (f.Commit != nil) {
			t.Errorf("%+v", f)
		}
		return f.Unneeded
	}
	if s := (commits{"three": {last}}); !unneeded("one", s) || !unneeded("two", s) || unneeded("three", s) {
		t.Error("the phases before an adopted one are run")
	}
	if unneeded("one", commits{"three": {commit("before", r1.KindGRPO, nil)}}) {
		t.Error("a phase is left out because a run has made the last one")
	}
	if unneeded("two", commits{}) {
		t.Error("a phase is left out though nothing is there")
	}
	plan.Stages[0].Jobs[2].Anew = r1.AnewRebuild
	if unneeded("one", commits{"three": {last}}) {
		t.Error("a phase is left out though the last one is to be made anew")
	}
}
