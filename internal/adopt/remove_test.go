package adopt

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/artifact/storetest"
	"github.com/r1ctl/r1ctl/internal/r1"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

// A job that two recipes have in common takes what was adopted for either, and either takes
// it back.
func TestAnEqualJobOfAnotherRecipeTakesItBack(t *testing.T) {
	s := storetest.New(t)
	output := r1.OutputRef{Stage: "base", Job: r1.MainJob, Output: "model"}
	fingerprint := strings.Repeat("ab", 32)
	plan := func(recipe string) *r1.Plan {
		return &r1.Plan{Recipe: recipe, Stages: []r1.PlannedStage{{Name: "base", Kind: r1.KindSFT, Jobs: []r1.PlannedJob{{Stage: "base", Name: r1.MainJob, Kind: r1.KindSFT,
			Fingerprint: fingerprint, Params: []byte("{}"), Outputs: []r1.OutputDecl{{Name: "model", Type: r1.TypeModel, Path: "base/model"}}}}}}}
	}
	a, err := Adopt(t.Context(), s, Request{Plan: plan("one"), Output: output, From: folder(t, model(nil))})
	if err != nil {
		t.Fatal(err)
	}
	taken, err := s.FindEqual(t.Context(), fingerprint, func(r1.Commit) bool { return true })
	if err != nil || taken.Outputs["model"] != a.Artifact {
		t.Fatalf("%+v, %v", taken, err)
	}
	// A run of the other recipe takes it, and says so.
	again := taken
	from := taken.Key
	again.Key, again.ReusedFrom = r1.JobKey{Run: "run", Stage: "base", Job: r1.MainJob}, &from
	if _, _, err := s.Commit(t.Context(), r1.Layout{Recipe: "two", Run: "run"}, again); err != nil {
		t.Fatal(err)
	}

	if n, err := Remove(t.Context(), s, plan("two"), output); n != 1 || err != nil {
		t.Fatalf("%d taken back, %v", n, err)
	}
	if found, err := s.FindEqual(t.Context(), fingerprint, func(r1.Commit) bool { return true }); !errors.Is(err, r1.ErrNotFound) {
		t.Errorf("still reused: %+v, %v", found.Key, err)
	}
	there, err := s.Exists(t.Context(), r1.AdoptedIndex(r1.Layout{Recipe: "one", Run: taken.Key.Run}))
	if there || err != nil {
		t.Errorf("still indexed (%v)", err)
	}
	if _, err := s.FindWhole(t.Context(), r1.Layout{Recipe: "two", Run: "run"}, again.Key); err != nil {
		t.Errorf("the run that took it lost it: %v", err)
	}
}
