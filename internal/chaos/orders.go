package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// Job is a job of a recipe, in the order in which a run comes to it.
type Job struct {
	Stage, Name string
	Kind        r1.Kind
}

func (j Job) String() string {
	switch {
	case j.Stage == "":
		return "the end"
	case j.Name == r1.MainJob:
		return j.Stage
	}
	return j.Stage + "/" + j.Name
}

// in says whether a job belongs to a set.
func (j Job) in(w Where) bool {
	switch w {
	case Closing:
		return j.Stage == ""
	case Computed:
		return j.Kind.Computed()
	case Launched:
		return j.Stage != "" && !j.Kind.Computed()
	case Checkpointed:
		return slices.Contains([]r1.Kind{r1.KindGRPO, r1.KindSFT, r1.KindRewardModel, r1.KindDistill}, j.Kind)
	case Verified:
		return slices.Contains([]r1.Kind{r1.KindGRPO, r1.KindSample, r1.KindEvaluate}, j.Kind)
	}
	return false
}

// Recipe is what a rig runs.
type Recipe struct {
	Name string
	Args []string // of r1ctl start
	Jobs []Job    // and last the end of the run
}

// LoadRecipe reads the jobs of a recipe as start would run it.
func LoadRecipe(file string, o recipes.Options) (Recipe, error) {
	loaded, err := recipes.Load(file, o)
	if err != nil {
		return Recipe{}, err
	}
	plan, err := recipes.Plan(loaded, recipes.PlanOptions{})
	if err != nil {
		return Recipe{}, err
	}
	r := Recipe{Name: plan.Recipe, Args: []string{file, "--profile", plan.Profile}}
	for _, set := range o.Set {
		r.Args = append(r.Args, "--set", set)
	}
	for _, s := range plan.Stages {
		for _, j := range s.Jobs {
			r.Jobs = append(r.Jobs, Job{Stage: s.Name, Name: j.Name, Kind: s.Kind})
		}
	}
	r.Jobs = append(r.Jobs, Job{})
	return r, nil
}

// Order is a fault that is to happen in a job.
type Order struct {
	Kind Kind
	Job  Job
}

func (o Order) String() string { return fmt.Sprintf("%s at %s", o.Kind.Name, o.Job) }

// Limits of a run. Apart is how many jobs lie between two faults at least.
type limits struct {
	perJob, perRun, apart int
}

func limitsOf(name RigName) limits {
	switch name {
	case Real:
		// Its trainers cannot be held, and the run goes on while it gets over a fault.
		return limits{perJob: 1, perRun: 8, apart: 2}
	case Disk:
		return limits{perJob: 1, perRun: 4}
	}
	return limits{perJob: 2, perRun: 15}
}

// spread makes runs of faults: each kind over as many jobs as it can be, none
// twice in a job, few in each job. The same seed gives the same runs.
func spread(kinds []Kind, count func(Kind) int, jobs []Job, l limits, rng *rand.Rand) [][]Order {
	var orders []Order
	for _, k := range kinds {
		var able []Job
		for _, j := range jobs {
			if j.in(k.In) {
				able = append(able, j)
			}
		}
		rng.Shuffle(len(able), func(a, b int) { able[a], able[b] = able[b], able[a] })
		for n := range count(k) {
			if len(able) > 0 {
				orders = append(orders, Order{Kind: k, Job: able[n%len(able)]})
			}
		}
	}
	rng.Shuffle(len(orders), func(a, b int) { orders[a], orders[b] = orders[b], orders[a] })
	var runs [][]Order
	for _, o := range orders {
		runs = place(runs, o, jobs, l)
	}
	for _, r := range runs {
		sortOrders(r, jobs)
	}
	return runs
}

// place puts an order into the first run that has room for it.
func place(runs [][]Order, o Order, jobs []Job, l limits) [][]Order {
	at := slices.Index(jobs, o.Job)
	for i, r := range runs {
		same, clash := 0, false
		for _, other := range r {
			if d := at - slices.Index(jobs, other.Job); d != 0 && max(d, -d) <= l.apart {
				clash = true
			}
			if other.Job == o.Job {
				same++
				clash = clash || other.Kind.Name == o.Kind.Name
			}
		}
		if len(r) < l.perRun && same < l.perJob && !clash {
			runs[i] = append(r, o)
			return runs
		}
	}
	return append(runs, []Order{o})
}

// sortOrders brings orders into the order in which a run comes to them.
func sortOrders(orders []Order, jobs []Job) {
	slices.SortStableFunc(orders, func(a, b Order) int {
		if d := slices.Index(jobs, a.Job) - slices.Index(jobs, b.Job); d != 0 {
			return d
		}
		if d := a.Kind.rankIn() - b.Kind.rankIn(); d != 0 {
			return d
		}
		return lifeOf(a.Kind.Arg) - lifeOf(b.Kind.Arg)
	})
}
