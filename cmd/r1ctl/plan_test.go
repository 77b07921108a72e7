package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/r1ctl/r1ctl/internal/artifact"
	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/recipes"
)

// nothingHere gives a command a state folder that is not there, and asserts that it stays so.
func nothingHere(t *testing.T) {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	t.Setenv("R1CTL_STATE_DIR", state)
	t.Cleanup(func() {
		if _, err := os.Stat(state); err == nil {
			t.Error("a state dir was made")
		}
	})
}

func TestPlanStartsNothingAndSaysWhatItDoesNotKnow(t *testing.T) {
	nothingHere(t)
	out, errs, code := call(t, "plan", "full-r1", "--profile", "paper", "--accelerator", "H800", "--accelerators", "512", "--formulas")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	for _, want := range []string{
		"full-r1 (paper), seed 17: 31 stages, 74 jobs", "blocked 26", "s3://your-bucket/rl/math.jsonl is a placeholder",
		"it needs rl-prompts", "1 to run, 0 reused, 73 blocked", "512 × H800", "money   unknown (set prices.accelerator_hour)",
		"reuse was not looked up: the embedded engine is not running", "R1-Zero   paper 101000", "SFT data", "unknown", "ours: decoding is bound by memory", "400 steps × 512 responses",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the plan lacks %q:\n%s", want, out)
		}
	}
}

func TestPlanAsDataIsThatOfADryRun(t *testing.T) {
	nothingHere(t)
	args := []string{"full-r1", "--set", "zero.params.steps=60", "-o", "json"}
	plan, _, code := call(t, append([]string{"plan"}, args...)...)
	dry, _, again := call(t, append([]string{"start", "--dry-run"}, args...)...)
	if code != exitOK || again != exitOK || plan != dry {
		t.Fatalf("exit codes %d and %d, equal: %v", code, again, plan == dry)
	}
	var p planned
	if err := json.Unmarshal([]byte(plan), &p); err != nil {
		t.Fatal(err)
	}
	zero := 0
	for _, j := range p.Jobs {
		if j.Do != "run" || len(j.Fingerprint) != 64 {
			t.Errorf("%+v", j)
		}
		if j.Stage == "zero" {
			zero++
		}
	}
	if zero != 1 || p.Reuse.LookedUp || !p.Estimate.Seconds.Known || p.Estimate.Seconds.Likely <= 0 {
		t.Errorf("%d jobs of zero, reuse %+v, %+v", zero, p.Reuse, p.Estimate.Seconds)
	}
}

func TestARecipeThatBreaksARuleIsRefused(t *testing.T) {
	nothingHere(t)
	broken := []string{"full-r1", "--set", "zero.params.warmup_steps=200"}
	for _, command := range [][]string{{"plan"}, {"start"}, {"start", "--dry-run"}} {
		out, errs, code := call(t, append(command, broken...)...)
		if code != exitUsage || out != "" || !strings.Contains(errs, "(warmup-to-the-end)") || !strings.Contains(errs, "[recipe-invalid]") || !strings.Contains(errs, "r1ctl lint --explain") {
			t.Errorf("%v: exit code %d\n%s%s", command, code, out, errs)
		}
	}
}

func TestMistakesOfPlanCalls(t *testing.T) {
	nothingHere(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"plan", "full-r1", "--rows", "math=3"}, "expected STAGE.SOURCE=N"},
		{[]string{"plan", "full-r1", "--accelerator", "B1000"}, `nothing is known of the accelerator "B1000"`},
		{[]string{"plan", "full-r2"}, `did you mean "full-r1"?`},
		{[]string{"explain", "full-r1", "zeroo"}, `did you mean "zero"?`},
		{[]string{"explain", "no-such-thing", "zero"}, "runs cannot be looked up"},
		{[]string{"lint", "--explain", "colums"}, `did you mean "columns"?`},
		{[]string{"lint"}, "accepts 1 arg(s)"},
	} {
		out, errs, code := call(t, c.args...)
		if code != exitUsage || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, stderr lacks %q:\n%s", c.args, code, c.want, errs)
		}
	}
}

func TestLintAsTextAndData(t *testing.T) {
	nothingHere(t)
	out, _, code := call(t, "lint", "full-r1", "--profile", "paper")
	if code != exitOK || !strings.Contains(out, "recipes/full-r1.yaml:") || !strings.Contains(out, "[placeholder-source]") || !strings.Contains(out, "checked at the first launch") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if _, _, code = call(t, "lint", "full-r1", "--profile", "paper", "--strict"); code != exitUsage {
		t.Errorf("--strict: exit code %d", code)
	}
	out, _, code = call(t, "lint", "full-r1", "--set", "zero.params.stepz=3", "-o", "json")
	var l linted
	if err := json.Unmarshal([]byte(out), &l); err != nil || code != exitUsage || l.Errors != 1 || l.Findings[0].Rule != "unknown-key" || l.Findings[0].Place.Set == "" {
		t.Errorf("exit code %d, %v\n%s", code, err, out)
	}
	out, _, code = call(t, "lint", "--explain", "columns")
	if code != exitOK || !strings.Contains(out, "why:") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestExplainAndDiff(t *testing.T) {
	nothingHere(t)
	out, _, code := call(t, "explain", "full-r1", "dev1", "-o", "json")
	var all []recipes.Explanation
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitOK || len(all) != 1 || !all[0].Matches || all[0].Producers["data"] != "cold-start/main#data" {
		t.Errorf("exit code %d, %v\n%s", code, err, out)
	}
	text, _, _ := call(t, "explain", "full-r1", "dev1")
	if !strings.Contains(text, all[0].Fingerprint) || !strings.Contains(text, "input data is cold-start/main#data") || !strings.Contains(text, `"learning_rate": 0.001`) {
		t.Errorf("got\n%s", text)
	}
	out, _, code = call(t, "diff", "full-r1", "full-r1")
	if code != exitOK || !strings.Contains(out, "are the same") || !strings.Contains(out, "no job") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	r, err := recipes.Load("full-r1", recipes.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "mine.yaml")
	changed := strings.Replace(r.YAML(), `{name: student-32, source: "tiny://student-32"}`, `{name: student-32, source: "tiny://student-32", params: {learning_rate: 2.0e-3}}`, 1)
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, code = call(t, "diff", "full-r1", file, "-o", "json")
	var d difference
	if err := json.Unmarshal([]byte(out), &d); err != nil || code != exitOK {
		t.Fatalf("exit code %d, %v", code, err)
	}
	var fields []string
	for _, c := range d.Changes {
		fields = append(fields, c.Field)
	}
	// One student's learning rate (and what is derived from it) makes that student and its evaluation anew.
	want := []string{"distill.students.student-32.params.final_learning_rate", "distill.students.student-32.params.learning_rate"}
	if !slices.Equal(fields, want) || !slices.Equal(d.Jobs, []string{"distill/student-32", "eval-student-32/main"}) {
		t.Errorf("fields %v, jobs %v", fields, d.Jobs)
	}
}

// records is a store of JSON records, with commits by fingerprint.
type records struct {
	byKey   map[string]any
	commits map[string]r1.Commit
}

func (s records) GetJSON(_ context.Context, key string, v any) error {
	found, ok := s.byKey[key]
	if !ok {
		return fmt.Errorf("%s: %w", key, r1.ErrNotFound)
	}
	raw, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

func (s records) PutJSON(context.Context, string, any) error { panic("plan writes") }

func (s records) PutJSONIfAbsent(context.Context, string, any) (bool, error) { panic("plan writes") }

func (s records) List(_ context.Context, prefix string) iter.Seq2[artifact.Object, error] {
	return func(yield func(artifact.Object, error) bool) {
		for _, key := range sorted(s.byKey) {
			if strings.HasPrefix(key, prefix) && !yield(artifact.Object{Key: key}, nil) {
				return
			}
		}
	}
}

func (s records) ListPrefixes(context.Context, string) iter.Seq2[string, error] {
	return func(func(string, error) bool) {}
}

func (s records) FindCommit(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error) {
	var c r1.Commit
	return c, s.GetJSON(ctx, l.Commit(key), &c)
}

func (s records) FindEqual(_ context.Context, fp string, accept func(r1.Commit) bool) (r1.Commit, error) {
	c, ok := s.commits[fp]
	if !ok || !accept(c) {
		return r1.Commit{}, r1.ErrNotFound
	}
	return c, nil
}

// finished is the store after a run of full-r1 in which every job took so long.
func finished(t *testing.T, seconds int) records {
	t.Helper()
	resolved, err := resolve(t.Context(), nil, lint.Facts{Model: modelOf}, []string{"full-r1"}, planFlags{})
	if err != nil {
		t.Fatal(err)
	}
	run, err := freeze(resolved, anewFlags{}, "before")
	if err != nil {
		t.Fatal(err)
	}
	s := records{byKey: map[string]any{}, commits: map[string]r1.Commit{}}
	l := r1.Layout{Recipe: run.Recipe, Run: run.ID}
	s.byKey[r1.RunIndex(run.ID)] = map[string]any{"run": run.ID, "recipe": run.Recipe, "profile": run.Profile, "created": run.Created}
	s.byKey[l.RunFile()] = run
	for _, stage := range run.Plan.Stages {
		for _, j := range stage.Jobs {
			key := r1.JobKey{Run: run.ID, Stage: stage.Name, Job: j.Name}
			c := r1.Commit{Key: key, Kind: j.Kind, Fingerprint: j.Fingerprint, Started: run.Created, Ended: run.Created.Add(time.Duration(seconds) * time.Second)}
			s.byKey[l.Commit(key)], s.commits[j.Fingerprint] = c, c
		}
	}
	return s
}

func TestReuseTellsTheFirstFieldThatDiffers(t *testing.T) {
	s := finished(t, 7)
	look := func(set ...string) map[string]plannedJob {
		r, err := recipes.Load("full-r1", recipes.Options{Set: set})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := recipes.Plan(r, planOptions())
		if err != nil {
			t.Fatal(err)
		}
		l, err := newLookup(context.Background(), s, plan)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]plannedJob{}
		for _, j := range l.jobs() {
			out[j.Stage+"/"+j.Job] = j
		}
		return out
	}
	for name, j := range look() {
		if j.Do != "reuse" || j.From != "before/"+name {
			t.Errorf("the same recipe: %+v", j)
		}
	}
	jobs := look("distill.students.student-32.params.learning_rate=2e-3", "sft-data.title=Other")
	var anew []string
	for _, name := range sorted(jobs) {
		if jobs[name].Do == "run" {
			anew = append(anew, name)
		}
	}
	if want := []string{"distill/student-32", "eval-student-32/main"}; !slices.Equal(anew, want) {
		t.Errorf("made anew: %v, want %v", anew, want)
	}
	if got, want := jobs["distill/student-32"].Reason, "params.final_learning_rate: 0.0002, was 0.0001 (and 1 more)"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
	if got, want := jobs["eval-student-32/main"].Reason, "its input model is made anew by distill/student-32#model"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

func TestInitWritesARecipeThatIsSound(t *testing.T) {
	nothingHere(t)
	t.Chdir(t.TempDir())
	if _, errs, code := call(t, "init", "sums"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	out, errs, code := call(t, "lint", "sums.yaml", "--strict")
	if code != exitOK || !strings.Contains(out, "0 errors, 0 warnings") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if out, _, code = call(t, "plan", "sums.yaml"); code != exitOK || !strings.Contains(out, "sums ()") && !strings.Contains(out, "sums, seed") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if _, errs, code = call(t, "init", "sums"); code != exitUsage || !strings.Contains(errs, "there already") {
		t.Errorf("it is written over: exit code %d, %s", code, errs)
	}
	if _, _, code = call(t, "init", "Not A Name"); code != exitUsage {
		t.Errorf("a bad name: exit code %d", code)
	}
}

func TestSchemaIsJSON(t *testing.T) {
	nothingHere(t)
	out, _, code := call(t, "schema")
	var s map[string]any
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != exitOK || s["definitions"] == nil {
		t.Errorf("exit code %d, %v", code, err)
	}
}
