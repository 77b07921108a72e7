package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/report/reporttest"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/recipes"
)

// collected is the report of the run as it is 125 seconds after it began.
func collected(t *testing.T, f *reporttest.Fixture) *Report {
	t.Helper()
	r, err := collect(t.Context(), f.Store, f.Run, f.Status, reporttest.At(125))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestModelsStandBesideTheirParents(t *testing.T) {
	r := collected(t, reporttest.New(t))
	for name, want := range map[string]struct {
		parent, evaluation string
		before, after      float64 // pass@1 on words; NaN: not measured
		direction          int
	}{
		"seed":   {"", "exam-seed", math.NaN(), 0.50, 0},
		"sprout": {"seed", "exam-sprout", 0.50, 0.35, -1}, // of the last phase
		"bush":   {"sprout", "exam-bush", 0.35, 0.60, 1},
		"big":    {"", "exam-big", math.NaN(), 0.30, 0},
		"small":  {"", "", math.NaN(), math.NaN(), 0},
		"tree":   {"bush", "", math.NaN(), math.NaN(), 0},
	} {
		m := r.model(name)
		if m == nil {
			t.Errorf("no model %s", name)
			continue
		}
		if m.Parent != want.parent || m.Evaluation != want.evaluation {
			t.Errorf("%s: parent %q, measured by %q; want %q, %q", name, m.Parent, m.Evaluation, want.parent, want.evaluation)
		}
		s := m.score("words")
		if math.IsNaN(want.after) {
			if s != nil {
				t.Errorf("%s has a score that nobody measured", name)
			}
			continue
		}
		if s == nil || s.After["pass@1"] != want.after || Direction(*s) != want.direction {
			t.Errorf("%s on words: %+v, want %.2f", name, s, want.after)
		}
		if _, ok := s.Before["pass@1"]; ok == math.IsNaN(want.before) || ok && s.Before["pass@1"] != want.before {
			t.Errorf("%s on words before: %v, want %v", name, s.Before, want.before)
		}
	}
	if got := []string{r.Models[0].Name, r.Models[1].Name, r.Models[2].Name}; !slices.Equal(got, []string{"seed", "sprout", "bush"}) {
		t.Errorf("order %v", got)
	}
	if notes := strings.Join(r.model("small").Notes, " "); !strings.Contains(notes, "does not measure") {
		t.Errorf("small: notes %q", notes)
	}
	if notes := strings.Join(r.model("tree").Notes, " "); !strings.Contains(notes, "not measured yet") {
		t.Errorf("tree: notes %q", notes)
	}
	// Ten seconds each for two phases, ten for the attempt that failed.
	if m := r.model("sprout"); m.Seconds != 30 || m.CPUSeconds != 29 {
		t.Errorf("sprout cost %v s, %v CPU", m.Seconds, m.CPUSeconds)
	}
}

func TestPhasesAndAttemptsJoinIntoOneCurve(t *testing.T) {
	r := collected(t, reporttest.New(t))
	rl := r.RL[0]
	var got []float64
	for i, p := range rl.Curve("accuracy") {
		if p.Step != float64(i+1) {
			t.Errorf("point %d is step %v", i, p.Step)
		}
		got = append(got, p.Value)
	}
	// Step 3 counts as the second attempt did it.
	if want := []float64{.1, .1, .7, .7, .9, .9, .9, .9}; !slices.Equal(got, want) {
		t.Errorf("accuracy %v, want %v", got, want)
	}
	if !slices.Equal(rl.Phases, []int{4}) || !slices.Equal(rl.Restarts, []int{2}) || rl.ToStep != 8 || !rl.FromBase {
		t.Errorf("phases %v, restarts %v, to %d, from base %v", rl.Phases, rl.Restarts, rl.ToStep, rl.FromBase)
	}
	if len(rl.Evals) != 2 || rl.Evals[1].Step != 8 || rl.Evals[1].Values["pass@1"] != 0.9 {
		t.Errorf("evals %+v", rl.Evals)
	}
	if len(rl.Texts) != 1 || rl.Texts[0].Response != "<think>seven</think>" {
		t.Errorf("texts %+v", rl.Texts)
	}
	if r.RL[1].FromBase {
		t.Error("RL on an SFT model counts as RL on the base model")
	}
	if n := len(r.RL[1].Curve("accuracy")); n != 2 {
		t.Errorf("the running stage has %d points, want 2", n)
	}
}

func TestReusedJobsShowTheMetricsOfTheRunThatMadeThem(t *testing.T) {
	f := reporttest.New(t)
	r := collected(t, f)
	i := slices.IndexFunc(r.Training, func(t Training) bool { return t.Stage == "judge" })
	if i < 0 || len(curve(r.Training[i].Curves, "accuracy")) != 4 {
		t.Fatalf("training %+v", r.Training)
	}
	delete(f.Store, r1.RunIndex("winter"))
	r = collected(t, f)
	if len(r.Unreadable) != 1 || !strings.Contains(r.Unreadable[0].What, "judge") {
		t.Errorf("a run that was deleted: %+v", r.Unreadable)
	}
}

func TestTeachersComeFromTheData(t *testing.T) {
	r := collected(t, reporttest.New(t))
	if len(r.Classes) != 1 || !slices.Equal(r.Classes[0].Teachers, []string{"sprout"}) || !slices.Equal(r.Classes[0].Students, []string{"big", "small"}) {
		t.Errorf("classes %+v", r.Classes)
	}
}

func TestFunnelsAreChecked(t *testing.T) {
	f := reporttest.New(t)
	r := collected(t, f)
	if len(r.Funnels) != 2 || r.Funnels[1].Lost != 0 || r.Funnels[1].Kept != 200 {
		t.Errorf("funnels %+v", r.Funnels)
	}
	f.Done("honey", "main", 70, 71, r1.Commit{Funnel: &r1.Funnel{In: 256, Kept: 200, Dropped: []r1.FunnelCount{{Name: "correct", Rows: 50}}}})
	r = collected(t, f)
	if r.Funnels[1].Lost != 6 || !strings.Contains(strings.Join(r.Summary.Findings, " "), "The rows of honey do not add up: 6") {
		t.Errorf("lost %d, findings %q", r.Funnels[1].Lost, r.Summary.Findings)
	}
}

func TestFailuresSayWhatFollowed(t *testing.T) {
	f := reporttest.New(t)
	r := collected(t, f)
	if len(r.Failures) != 1 {
		t.Fatalf("failures %+v", r.Failures)
	}
	got := r.Failures[0]
	if got.Stage != "sprout" || got.Attempt != 1 || got.Class != r1.ClassPreempted || got.Then != "attempt 2 went on from step 2" || got.Remedy == "" {
		t.Errorf("failure %+v", got)
	}
	// An attempt that left nothing, in a run that ended, was lost.
	f.Status.State = r1.RunFailed
	last := &f.Status.Stages[len(f.Status.Stages)-2]
	last.State, last.Error, last.Remedy = r1.RunFailed, "no attempt is left", "look at the machine"
	r = collected(t, f)
	if n := len(r.Failures); n != 2 || r.Failures[1].Class != r1.ClassInfrastructure || r.Failures[1].Remedy != "look at the machine" || r.Failures[1].Then != "the stage failed" {
		t.Errorf("failures %+v", r.Failures)
	}
}

// A roll-back is told where it is looked for: as what followed the failure, in the
// summary, and beside the parameters that the plan had.
func TestARollBackIsTold(t *testing.T) {
	f := reporttest.New(t)
	layout, key := r1.Layout{Recipe: "garden", Run: "spring"}, r1.JobKey{Run: "spring", Stage: "sprout", Job: "phase-01"}
	good := 2
	f.Store.Put(t, layout.Attempt(key.Attempt(1))+"/"+r1.ResultFile, r1.Result{Outcome: r1.Failed, Class: r1.ClassDiverged, Name: "kl", Error: "the KL is 7", Step: 3, LastGoodStep: &good})
	back := r1.Rollback{Job: "phase-01", Guard: "kl", Message: "the KL is 7", Attempt: 1, AtStep: 3, LastGoodStep: 2, ToStep: 2, Change: []r1.ParamChange{{Param: "learning_rate", From: 1e-4, To: 5e-5}}}
	f.Store.Put(t, layout.Attempt(key.Attempt(2))+"/"+r1.SpecFile, r1.Spec{Created: reporttest.At(34), Rollbacks: []r1.Rollback{back}})
	for i := range f.Status.Stages {
		if s := &f.Status.Stages[i]; s.Name == "sprout" { // phase-02 goes on with what phase-01 has changed
			s.Jobs = []runs.Job{{Name: "phase-01", Rollbacks: []r1.Rollback{back}}, {Name: "phase-02", Rollbacks: []r1.Rollback{back}}}
		}
	}
	r := collected(t, f)
	const said = "rolled back to step 2 by kl: learning_rate 0.0001 → 5e-05"
	if len(r.Failures) != 1 || r.Failures[0].Then != "attempt 2 "+said {
		t.Errorf("failures %+v", r.Failures)
	}
	if len(r.Rollbacks) != 1 || r.Rollbacks[0].Stage != "sprout" {
		t.Errorf("roll-backs %+v", r.Rollbacks)
	}
	if want := "Guard kl ended sprout at step 3, which was then " + said + "."; !slices.Contains(r.Summary.Findings, want) {
		t.Errorf("the summary does not say %q: %q", want, r.Summary.Findings)
	}
	var page bytes.Buffer
	if err := Render(&page, r, Options{}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(page.String(), "<dt>from attempt 2 on</dt><dd>"+said+"</dd>"); n != 1 {
		t.Errorf("the parameters of %d jobs say that they were changed, want 1", n)
	}
}

func TestTimeAddsUp(t *testing.T) {
	f := reporttest.New(t)
	f.Status.State, f.Status.Ended = r1.RunCancelled, reporttest.At(121)
	r := collected(t, f)
	var path []string
	for _, c := range r.Timeline.Critical {
		path = append(path, c.String())
	}
	if got, want := strings.Join(path, " "), "seed sprout/phase-01 sprout/phase-02 pollen honey bush judge tree"; got != want {
		t.Errorf("critical path %s, want %s", got, want)
	}
	p := r.Timeline.Path
	if math.Abs(p.Total()-121) > 1e-6 {
		t.Errorf("the path adds up to %v s of 121", p.Total())
	}
	// sprout's first phase starts a second after its first attempt was prepared, at 22; until then exam-seed trained.
	// seed 6+2, failed 7+2, phases 6+2 each, pollen 7.2+2.4, bush 12+4, tree 14 so far.
	for name, c := range map[string]struct{ got, want float64 }{
		"train": {p.Train, 6 + 7 + 6 + 6 + 7.2 + 12 + 14}, "startup": {p.Startup, 2 + 2 + 2 + 2 + 2.4 + 4},
		"compute": {p.Compute, 1}, "download": {p.Download, 1 + 1 + 1 + 1 + 1.2 + 2}, "upload": {p.Upload, 1 + 1 + 1 + 1.2 + 2},
	} {
		if math.Abs(c.got-c.want) > 1e-6 {
			t.Errorf("%s: %v s, want %v", name, c.got, c.want)
		}
	}
	// The trainers of exam-seed (13 to 21), exam-big (from 93.6) and exam-bush (to 102) ran while the path waited.
	if math.Abs(p.Queue-16.4) > 1e-6 {
		t.Errorf("queue: %v s, want 16.4", p.Queue)
	}
	if a := r.Timeline.Attempts; a.Total() < p.Train || a.Total() > 400 {
		t.Errorf("all attempts add up to %v s", a.Total())
	}
	if r.Timeline.Unsplit != 0 {
		t.Errorf("%d attempts unsplit", r.Timeline.Unsplit)
	}
}

func TestProblemsAreChosenByIdAlone(t *testing.T) {
	r := collected(t, reporttest.New(t))
	if len(r.Problems) != 3 || r.Problems[0].ID != "a1" || r.Problems[1].ID != "b2" {
		t.Fatalf("problems %+v", r.Problems)
	}
	if greeting := r.Problems[2]; greeting.Gold != "" || greeting.Answers[0].Preference == nil || *greeting.Answers[0].Preference != 0.625 {
		t.Errorf("a problem without a right answer: %+v", greeting)
	}
	p := r.Problems[0]
	var models []string
	for _, a := range p.Answers {
		models = append(models, a.Model)
	}
	if !slices.Equal(models, []string{"seed", "sprout", "bush", "big"}) || p.Gold != "7" {
		t.Errorf("answers by %v, gold %q", models, p.Gold)
	}
	if p.Answers[1].Response != "<think>a1 by exam-sprout</think>0" || p.Answers[1].Verdict.Label != r1.Correct {
		t.Errorf("answer %+v", p.Answers[1])
	}
}

func TestSummarySaysGainsAndLosses(t *testing.T) {
	r := collected(t, reporttest.New(t))
	text := r.Summary.Lead + "\n" + strings.Join(r.Summary.Findings, "\n")
	for _, want := range []string{
		"still going: 12 of 14 stages of garden are complete, and this page shows what is there so far, after 2 min 05 s",
		"1 of 16 jobs were reused",
		"pass@1 on arithmetic rose from 0.40 (0.35–0.45) to 0.90 (0.85–0.95)",
		"pass@1 on words fell from 0.50 (0.45–0.55) to 0.35 (0.30–0.40)",
		"responses grew 1.8 times, from 20 to 36 tokens",
		"no clear change of pass@1 on arithmetic (0.90, then 0.91)",
		"Students of sprout, which has pass@1 0.62 on all problems: big reaches 0.38",
		"One attempt failed: sprout (stopped from outside)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the summary lacks %q:\n%s", want, text)
		}
	}
}

// Data that is gone costs its part of the report; storage that does not answer
// costs the report, which would else lie.
func TestWhatCannotBeRead(t *testing.T) {
	f := reporttest.New(t)
	delete(f.Store, "garden/spring/exam-bush/main/report/metrics.json")
	delete(f.Store, "garden/spring/exam-sprout/main/report/samples.jsonl")
	r := collected(t, f)
	if len(r.Unreadable) != 2 || r.model("bush").score("").After["pass@1"] != 0.91 {
		t.Errorf("unreadable %+v, bush %+v", r.Unreadable, r.model("bush").Scores)
	}
	if _, err := Collect(t.Context(), broken{f.Store}, f.Run, f.Status); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an outage gives %v", err)
	}
}

type broken struct{ reporttest.Memory }

func (b broken) OpenFile(ctx context.Context, a r1.Artifact, file string) (io.ReadCloser, error) {
	return nil, io.ErrUnexpectedEOF
}

// Every shipped recipe has a report from the moment its run is created, in which
// nothing that has not happened is a number.
func TestReportOfARunThatHasNotBegun(t *testing.T) {
	for _, recipe := range []string{"full-r1", "r1-zero"} {
		t.Run(recipe, func(t *testing.T) {
			rec, err := recipes.Load(recipe, recipes.Options{Profile: "laptop"})
			if err != nil {
				t.Fatal(err)
			}
			plan, err := recipes.Plan(rec, recipes.PlanOptions{SourceDigest: func(string) (string, error) { return "x", nil }})
			if err != nil {
				t.Fatal(err)
			}
			run := &r1.Run{ID: "new", Recipe: recipe, Profile: "laptop", Created: reporttest.Begin, RecipeYAML: rec.YAML(), Plan: *plan}
			st, err := runs.NewReader(reporttest.Memory{}, run).Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r, err := Collect(t.Context(), reporttest.Memory{}, run, st)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Stages) != len(plan.Stages) || len(r.Models) == 0 || len(r.RL) == 0 || !r.RL[0].FromBase {
				t.Errorf("%d stages, %d models, rl %+v", len(r.Stages), len(r.Models), r.RL)
			}
			var page bytes.Buffer
			if err := Render(&page, r, Options{}); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(page.String(), "<b>0.00") || !strings.Contains(page.String(), "not measured yet") {
				t.Error("the page shows numbers that nobody measured")
			}
		})
	}
}

func TestReportAsJSON(t *testing.T) {
	r := collected(t, reporttest.New(t))
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(&back)
	if err != nil || !bytes.Equal(raw, again) {
		t.Errorf("the JSON does not come back: %v", err)
	}
}
