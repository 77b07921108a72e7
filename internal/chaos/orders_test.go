package chaos

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/r1ctl/r1ctl/internal/fault"
	"github.com/r1ctl/r1ctl/recipes"
)

func scripted(t *testing.T) Recipe {
	t.Helper()
	file := filepath.Join(t.TempDir(), "chaos.yaml")
	if err := os.WriteFile(file, scriptedRecipe, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := LoadRecipe(file, recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKindsCoverWhatMustBeShown(t *testing.T) {
	kinds, byName := Kinds(), map[string]Kind{}
	total, short, byPoint := 0, 0, map[string]bool{}
	for _, k := range kinds {
		if _, twice := byName[k.Name]; twice || k.Name == "" || k.What == "" || k.In == "" {
			t.Errorf("%+v has no name of its own, no text or no place", k)
		}
		byName[k.Name] = k
		n := 0
		for _, times := range k.Times {
			n += times
		}
		if n == 0 {
			t.Errorf("%s never happens", k.Name)
		}
		if k.Short != "" {
			short++
			if k.Times[k.Short] == 0 {
				t.Errorf("%s is in the short suite on a rig that the whole one does not have it on", k.Name)
			}
		}
		total += n
		if k.Act == Pass && k.Do == fault.Kill {
			byPoint[k.Arg] = true
		}
	}
	for _, p := range fault.Points() {
		if !byPoint[p.Name] || lifeOf(p.Name) < 0 {
			t.Errorf("nobody is killed at %s, or it has no place in a job's life", p.Name)
		}
	}
	realFaults := 0
	for _, k := range kinds {
		realFaults += k.Times[Real]
	}
	if total < wantFaults || realFaults < wantReal {
		t.Errorf("%d faults, %d of them real; want %d and %d", total, realFaults, wantFaults, wantReal)
	}
	if short < 15 || short > 30 {
		t.Errorf("%d faults in the short suite", short)
	}
}

func TestTheSameSeedGivesTheSameRuns(t *testing.T) {
	jobs := scripted(t).Jobs
	count := func(k Kind) int { return k.Times[Laptop] }
	plan := func(seed uint64) [][]Order {
		return spread(Kinds(), count, jobs, limitsOf(Laptop), rand.New(rand.NewPCG(seed, 1)))
	}
	first := plan(1)
	if !reflect.DeepEqual(first, plan(1)) {
		t.Error("two plans of one seed differ")
	}
	if reflect.DeepEqual(first, plan(2)) {
		t.Error("another seed gives the same plan")
	}
	want, got := 0, 0
	for _, k := range Kinds() {
		want += k.Times[Laptop]
	}
	killed := map[string]bool{}
	for _, run := range first {
		got += len(run)
		perJob := map[Job]int{}
		for i, o := range run {
			if !o.Job.in(o.Kind.In) {
				t.Errorf("%s cannot happen there", o)
			}
			if i > 0 && slices.Index(jobs, run[i-1].Job) > slices.Index(jobs, o.Job) {
				t.Errorf("%s comes before %s", run[i-1], o)
			}
			if perJob[o.Job]++; perJob[o.Job] > limitsOf(Laptop).perJob {
				t.Errorf("too many faults in %s", o.Job)
			}
			if o.Kind.Name == "engine-killed" {
				killed[o.Job.String()] = true
			}
		}
	}
	if got != want {
		t.Errorf("%d faults are planned, %d wanted", got, want)
	}
	for _, j := range jobs {
		if j.in(Launched) && !killed[j.String()] {
			t.Errorf("the engine is never killed in %s", j)
		}
	}
}
