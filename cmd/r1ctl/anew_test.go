package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/config"
	"github.com/r1ctl/r1ctl/internal/estimate"
	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// weighed plans full-r1 with flags against a store.
func weighed(t *testing.T, s records, args []string, f planFlags, cfg config.Config, ask func(*drift) (r1.DriftChoice, bool)) *planned {
	t.Helper()
	cfg.Site.Slots = 2
	r, err := resolve(t.Context(), s, lint.Facts{Model: modelOf}, args, f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := weigh(t.Context(), cfg, r, f, s, "", ask)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// what lists the jobs that a plan does something about, such as zero/main.
func (p *planned) what(do string) []string {
	var out []string
	for _, j := range p.Jobs {
		if j.Do == do {
			out = append(out, j.Stage+"/"+j.Job)
		}
	}
	return out
}

func (p *planned) job(t *testing.T, stage string) plannedJob {
	t.Helper()
	for _, j := range p.Jobs {
		if j.Stage == stage {
			return j
		}
	}
	t.Fatalf("no job of %s", stage)
	return plannedJob{}
}

// made fills in how every job of a finished run was made, and with what digests.
func (s records) made(by r1.Maker) records {
	for fp, c := range s.commits {
		c.Made = &r1.Made{By: &by}
		s.commits[fp] = c
	}
	return s
}

func mustLoad(t *testing.T) *recipes.Recipe {
	t.Helper()
	r, err := recipes.Load("full-r1", recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustPlan(t *testing.T) *r1.Plan {
	t.Helper()
	p, err := recipes.Plan(mustLoad(t), planOptions())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var fullR1 = []string{"full-r1"}

func TestAStageIsRebuiltWithWhatDependsOnIt(t *testing.T) {
	p := weighed(t, finished(t, 7), fullR1, planFlags{anew: anewFlags{rebuild: []string{"dev3"}}}, config.Config{}, nil)
	anew := p.what("run")
	if !slices.Contains(anew, "dev3/main") || !slices.Contains(anew, "eval-dev3/main") || slices.Contains(anew, "zero/main") || slices.Contains(anew, "sft-data/main") {
		t.Errorf("made anew: %v", anew)
	}
	if j := p.job(t, "dev3"); j.Reason != "--rebuild" {
		t.Errorf("dev3: %q", j.Reason)
	}
	if j := p.job(t, "eval-dev3"); !strings.Contains(j.Reason, "its input model is made anew; if that comes out as the same bytes, it is reused after all") {
		t.Errorf("eval-dev3: %q", j.Reason)
	}
	if p.ThisRun.Jobs != len(anew) || p.ThisRun.Seconds.Likely <= 0 || p.ThisRun.Seconds.Likely >= p.Estimate.Seconds.Likely {
		t.Errorf("this run: %+v, from scratch %+v", p.ThisRun, p.Estimate.Seconds)
	}
	if _, err := resolve(t.Context(), nil, lint.Facts{Model: modelOf}, fullR1, planFlags{anew: anewFlags{rebuild: []string{"dev33"}}}); err == nil || !strings.Contains(err.Error(), `did you mean "dev3"?`) {
		t.Errorf("got %v", err)
	}
}

func TestAForkIsPlanned(t *testing.T) {
	f := planFlags{anew: anewFlags{from: "before:dev3"}}
	f.set = []string{"dev3.params.learning_rate=2e-3"}
	p := weighed(t, finished(t, 7), nil, f, config.Config{}, nil) // no recipe: the run's own
	anew := p.what("run")
	if anew[0] != "dev3/main" || slices.Contains(anew, "sft-data/main") || !slices.Contains(anew, "r1/main") && !slices.Contains(anew, "r1/phase-01") {
		t.Errorf("made anew: %v", anew)
	}
	if j := p.job(t, "zero"); j.Do != "reuse" || !strings.HasPrefix(j.Reason, "taken from run before as it is") {
		t.Errorf("zero: %+v", j)
	}
	run, err := freeze(&resolved{recipe: mustLoad(t), plan: p.plan, fork: p.Fork, set: f.set}, f.anew, "after")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.keep(run); err != nil {
		t.Fatal(err)
	}
	if run.Fork == nil || run.Fork.Run != "before" || run.Fork.Stage != "dev3" || run.Plan.Stage("zero").Jobs[0].Take == nil || len(run.Estimate) == 0 {
		t.Errorf("the run keeps %+v", run.Fork)
	}
}

func TestDriftIsToldAndNeverSilent(t *testing.T) {
	now, err := makerOf(config.Config{})
	if err != nil {
		t.Fatal(err)
	}
	old := now
	old.Trainer = "0123"
	if p := weighed(t, finished(t, 7).made(now), fullR1, planFlags{}, config.Config{}, nil); p.Drift != nil {
		t.Fatalf("drift though nothing has changed: %+v", p.Drift.Jobs)
	}
	for name, c := range map[string]struct {
		flag, setting string
		answer        r1.DriftChoice
		choice        r1.DriftChoice
		by            string
		anew          r1.Anew
	}{
		"nobody to ask":           {"", "", "", r1.DriftReuse, "default", ""},
		"an answer":               {"", "", r1.DriftRebuild, r1.DriftRebuild, "answer", r1.AnewRebuild},
		"the setting":             {"", "fork", r1.DriftRebuild, r1.DriftFork, "the setting drift", r1.AnewApart},
		"the flag, whatever else": {"rebuild", "fork", r1.DriftReuse, r1.DriftRebuild, "--drift", r1.AnewRebuild},
	} {
		var ask func(*drift) (r1.DriftChoice, bool)
		if c.answer != "" {
			ask = func(*drift) (r1.DriftChoice, bool) { return c.answer, true }
		}
		p := weighed(t, finished(t, 7).made(old), fullR1, planFlags{anew: anewFlags{drift: c.flag}}, config.Config{Drift: c.setting}, ask)
		d := p.Drift
		if d == nil || d.Choice != c.choice || d.By != c.by {
			t.Errorf("%s: %+v", name, d)
			continue
		}
		if got := p.plan.Stage("zero").Jobs[0].Anew; got != c.anew {
			t.Errorf("%s: zero is %q, want %q", name, got, c.anew)
		}
		if slices.ContainsFunc(d.Jobs, func(j drifted) bool { return j.Stage == "sft-data" }) {
			t.Errorf("%s: a curate stage drifts with the trainer", name)
		}
		if !d.Rebuild.Seconds.Known || d.Rebuild.Seconds.Likely <= 0 || d.Rebuild.Jobs <= len(d.Jobs) {
			t.Errorf("%s: a rebuild costs %+v", name, d.Rebuild)
		}
		var out bytes.Buffer
		d.print(&out)
		if !strings.Contains(out.String(), "--drift ") || d.By != "answer" && !strings.Contains(out.String(), "the trainer's code was 0123, is "+now.Trainer) {
			t.Errorf("%s: told\n%s", name, out.String())
		}
	}
}

func TestAPersonIsAskedAboutDrift(t *testing.T) {
	d := &drift{Jobs: []drifted{{Stage: "zero", Job: "main", Differs: []r1.Drift{{What: "trainer", Was: "a", Now: "b"}}}}, Rebuild: estimate.Cost{Jobs: 3}}
	for input, want := range map[string]r1.DriftChoice{"\n": r1.DriftReuse, "fork\n": r1.DriftFork, "reb\n": r1.DriftRebuild, "r\nno\nREUSE\n": r1.DriftReuse, "": ""} {
		var out bytes.Buffer
		got, ok := askDrift(d, strings.NewReader(input), &out)
		if got != want || ok != (want != "") || !strings.Contains(out.String(), "the trainer's code was a, is b now") {
			t.Errorf("%q: %q, %v\n%s", input, got, ok, out.String())
		}
	}
}

// What is adopted is reused, and the phases before it are not run.
func TestAdoptedResultsAreTold(t *testing.T) {
	s := finished(t, 7)
	fp := ""
	for _, stage := range mustPlan(t).Stages {
		if stage.Name == "dev1" {
			fp = stage.Jobs[0].Fingerprint
		}
	}
	c := s.commits[fp]
	c.Made = &r1.Made{Adopted: &r1.Adopted{From: "./dev1"}}
	s.commits[fp] = c
	p := weighed(t, s, fullR1, planFlags{}, config.Config{}, nil)
	if j := p.job(t, "dev1"); j.Do != "reuse" || j.Adopted != "./dev1" {
		t.Errorf("%+v", j)
	}
	var out bytes.Buffer
	if err := printPlan(&out, p, false); err != nil || !strings.Contains(out.String(), "reuse (adopted)") || !strings.Contains(out.String(), "adopted from ./dev1") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestMistakesOfForksAndAdoption(t *testing.T) {
	nothingHere(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"plan"}, "accepts 1 arg(s), received 0 (with --from"},
		{[]string{"start", "--from", "run"}, "expected RUN:STAGE"},
		{[]string{"plan", "--from", "run:zero"}, "cannot be looked up"},
		{[]string{"plan", "full-r1", "--rebuild", "zeroo"}, `did you mean "zero"?`},
		{[]string{"start", "full-r1", "--drift", "no"}, "expected one of: reuse, fork, rebuild"},
		{[]string{"adopt", "zero.modell", ".", "--recipe", "full-r1"}, `did you mean "zero.model"?`},
		{[]string{"adopt", "zero.model", "--recipe", "full-r1"}, "accepts 2 arg(s)"},
		{[]string{"adopt", "zero.model", "."}, `"recipe" not set`},
	} {
		out, errs, code := call(t, c.args...)
		if code == exitOK || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, stderr lacks %q:\n%s", c.args, code, c.want, errs)
		}
	}
}

// Where things run is no part of what they are.
func TestPlacesEnterNoFingerprint(t *testing.T) {
	prints := func() map[string]string {
		t.Helper()
		out, errs, code := call(t, "plan", "full-r1", "-o", "json")
		var p planned
		if err := json.Unmarshal([]byte(out), &p); err != nil || code != exitOK {
			t.Fatalf("exit code %d, %v\n%s", code, err, errs)
		}
		all := map[string]string{}
		for _, j := range p.Jobs {
			all[j.Stage+"/"+j.Job] = j.Fingerprint
		}
		return all
	}
	nothingHere(t)
	here := prints()
	t.Chdir(t.TempDir())
	for name, value := range map[string]string{
		"STATE_DIR": t.TempDir() + "/elsewhere", "CACHE_DIR": t.TempDir(), "S3_BUCKET": "other", "S3_REGION": "eu-west-1", "SITE_SLOTS": "7", "SITE_THREADS": "3",
		"SITE_ACCELERATOR": "H100", "SITE_ACCELERATORS": "8", "SITE_KEEP_CHECKPOINTS": "9", "TRAINER_COMMAND": "true", "PRICES_CPU_HOUR": "3", "DRIFT": "rebuild",
	} {
		t.Setenv("R1CTL_"+name, value)
	}
	if there := prints(); !maps.Equal(here, there) {
		t.Errorf("fingerprints differ:\n%v\n%v", here, there)
	}
}
