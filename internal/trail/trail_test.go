package trail_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/trail"
)

// memory is a run's commits and files.
type memory struct {
	commits map[string]r1.Commit
	files   map[string]map[string]string // artifact -> path -> content
}

func (m *memory) FindCommit(_ context.Context, _ r1.Layout, job r1.JobKey) (r1.Commit, error) {
	c, ok := m.commits[job.Stage]
	if !ok {
		return c, r1.ErrNotFound
	}
	return c, nil
}

func (m *memory) Manifest(_ context.Context, a r1.Artifact) (r1.Manifest, error) {
	var out r1.Manifest
	for _, name := range []string{"data.jsonl", "dropped.jsonl", "funnel.json", "model.safetensors"} {
		if _, ok := m.files[a.Name][name]; ok {
			out.Files = append(out.Files, r1.ManifestEntry{Path: name, SHA256: m.files[a.Name][name]})
		}
	}
	return out, nil
}

func (m *memory) OpenFile(_ context.Context, a r1.Artifact, path string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(m.files[a.Name][path])), nil
}

// small is a run in miniature: prompts, samples of a model, filtered twice, an SFT.
func small() (*memory, *r1.Run) {
	stage := func(name string, kind r1.Kind, output string, params string, inputs map[string]string) r1.PlannedStage {
		job := r1.PlannedJob{Stage: name, Name: r1.MainJob, Kind: kind, Params: json.RawMessage(params), Inputs: map[string]r1.OutputRef{}, Outputs: []r1.OutputDecl{{Name: output}}}
		for in, from := range inputs {
			s, o, _ := strings.Cut(from, ".")
			job.Inputs[in] = r1.OutputRef{Stage: s, Job: r1.MainJob, Output: o}
		}
		return r1.PlannedStage{Name: name, Kind: kind, Jobs: []r1.PlannedJob{job}}
	}
	run := &r1.Run{ID: "r", Recipe: "small", Plan: r1.Plan{Stages: []r1.PlannedStage{
		stage("zero", r1.KindGRPO, "model", "{}", nil),
		stage("prompts", r1.KindCurate, "data", `{"sources":[{"name":"sums","address":"tiny://arithmetic"}]}`, nil),
		stage("samples", r1.KindSample, "samples", "{}", map[string]string{"model": "zero.model", "prompts": "prompts.data"}),
		stage("cold", r1.KindCurate, "data", "{}", map[string]string{"samples": "samples.samples"}),
		stage("mixed", r1.KindCurate, "data", `{"sources":[{"name":"general","address":"s3://b/general.jsonl"}]}`, map[string]string{"cold": "cold.data", "eval": "prompts.data"}),
		stage("dev1", r1.KindSFT, "model", "{}", map[string]string{"model": "zero.model", "data": "mixed.data"}),
		stage("late", r1.KindCurate, "data", "{}", map[string]string{"mixed": "mixed.data"}),
	}}}
	const sampled = `"origin":{"run":"r","stage":"samples","job":"main","model_sha256":"w"`
	m := &memory{commits: map[string]r1.Commit{}, files: map[string]map[string]string{
		"zero":    {"model.safetensors": "w"},
		"prompts": {"data.jsonl": `{"id":"p1","prompt":"1+1","origin":{"source":"sums","file":"tiny://arithmetic","line":4}}` + "\n" + `{"id":"p2","prompt":"2+2","origin":{"source":"sums","file":"tiny://arithmetic","line":9}}` + "\n"},
		"samples": {"data.jsonl": `{"id":"p1","prompt":"1+1","sample":0,"response":"3","verdict":{"label":"wrong","verifier":"math/1"},` + sampled + "}}\n" +
			`{"id":"p1","prompt":"1+1","sample":1,"response":"so 2","verdict":{"label":"correct","verifier":"math/1"},` + sampled + "}}\n"},
		"cold": {
			"data.jsonl":    `{"id":"p1","prompt":"1+1","sample":1,"response":"\\boxed{2}",` + sampled + `,"sample":1}}` + "\n",
			"dropped.jsonl": `{"id":"p1","sample":0,"step":"correct","reason":"wrong","source":"samples","file":"data.jsonl","line":1}` + "\n",
		},
		"mixed": {"data.jsonl": `{"id":"g1","prompt":"hello","response":"hi","origin":{"source":"general","file":"general.jsonl","line":7}}` + "\n" +
			`{"id":"p1","prompt":"1+1","response":"\\boxed{2}",` + sampled + `,"sample":1}}` + "\n"},
		"dev1": {"model.safetensors": "v"},
	}}
	for name := range m.files {
		kind := r1.TypeDataset
		if name == "zero" || name == "dev1" {
			kind = r1.TypeModel
		}
		outputs := map[string]r1.Artifact{}
		for _, o := range []string{"model", "data", "samples"} {
			outputs[o] = r1.Artifact{Name: name, Type: kind}
		}
		m.commits[name] = r1.Commit{Outputs: outputs, Steps: 40}
	}
	return m, run
}

func TestBack(t *testing.T) {
	m, run := small()
	for name, want := range map[string]string{
		"dev1:2": "mixed kept; cold changed [response]; samples sampled from zero at 40 with w = w, correct; prompts read from tiny://arithmetic line 4",
		"p1:0":   "samples sampled from zero at 40 with w = w, wrong; prompts read from tiny://arithmetic line 4",
		"g1":     "mixed read from s3://b/general.jsonl line 7",
		"p2":     "prompts read from tiny://arithmetic line 9",
	} {
		tr := trail.Open(m, run)
		n, err := trail.ParseName(name, &run.Plan)
		if err != nil {
			t.Fatal(err)
		}
		row, err := tr.Find(t.Context(), n)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back, err := tr.Back(t.Context(), row)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var said []string
		for _, s := range back {
			line := s.Stage + " " + s.Did
			if s.Changed != nil {
				line += fmt.Sprint(" ", s.Changed)
			}
			if s.Model != nil {
				line += fmt.Sprintf(" from %s at %d with %s = %s, %s", s.Model.Stage, s.Model.Steps, s.Model.SHA256, s.Model.Weights, s.Row.Verdict.Label)
			}
			if s.Source != nil {
				line += fmt.Sprintf(" from %s line %d", s.Source.Address, s.Source.Line)
			}
			said = append(said, line)
		}
		if got := strings.Join(said, "; "); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func TestForward(t *testing.T) {
	m, run := small()
	for name, want := range map[string]string{
		"samples:p1:1": "[{cold curate changed} {mixed curate kept} {dev1 sft trained-on}]",
		"samples:p1:0": "[{cold curate dropped correct wrong}]",
		"prompts:p1":   "[{samples sample asked}]",
	} {
		tr := trail.Open(m, run)
		n, err := trail.ParseName(name, &run.Plan)
		if err != nil {
			t.Fatal(err)
		}
		row, err := tr.Find(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		fates, err := tr.Forward(t.Context(), row)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, f := range fates {
			said = append(said, strings.TrimSpace(fmt.Sprintf("{%s %s %s %s %s", f.Stage, f.Kind, f.Did, f.Step, f.Reason))+"}")
		}
		if got := fmt.Sprint(said); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// A sample whose weights are not those of the model that the run committed is no proof of anything.
func TestABrokenTrail(t *testing.T) {
	m, run := small()
	m.files["zero"]["model.safetensors"] = "others"
	tr := trail.Open(m, run)
	row, err := tr.Find(t.Context(), trail.Name{Stage: "samples", ID: "p1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Back(t.Context(), row); !named(err, "broken-trail") {
		t.Errorf("got %v", err)
	}
	m, run = small()
	m.files["samples"]["data.jsonl"] = "\n"
	tr = trail.Open(m, run)
	if row, err = tr.Find(t.Context(), trail.Name{Stage: "cold", ID: "p1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Back(t.Context(), row); !named(err, "broken-trail") {
		t.Errorf("got %v", err)
	}
}

func named(err error, name string) bool {
	e, ok := r1.AsError(err)
	return ok && e.Name == name
}

func TestNames(t *testing.T) {
	m, run := small()
	tr := trail.Open(m, run)
	for text, want := range map[string]string{
		"nobody": "unknown-row", "cold:nobody": "unknown-row", "samples:p1:7": "unknown-row", "late:1": "stage-not-done", "zero:1": "no-rows-here", "mixed:3": "unknown-row",
		"cld:p1:0": "unknown-row", "p1:x": "unknown-row", "": "unknown-row",
	} {
		n, err := trail.ParseName(text, &run.Plan)
		if err == nil {
			_, err = tr.Find(t.Context(), n)
		}
		if !named(err, want) {
			t.Errorf("%q gives %v, want %s", text, err, want)
		}
	}
	if _, err := trail.ParseName("cld:p1:0", &run.Plan); !strings.Contains(err.Error(), `did you mean "cold"`) {
		t.Errorf("no hint: %v", err)
	}
}

func TestDroppedRowsHaveTheirText(t *testing.T) {
	m, run := small()
	tr := trail.Open(m, run)
	stage := run.Plan.Stage("cold")
	n := 0
	for d, err := range tr.Dropped(t.Context(), stage, "") {
		if err != nil {
			t.Fatal(err)
		}
		n++
		row, err := tr.Before(t.Context(), stage, d)
		if err != nil || row == nil || row.Response != "3" {
			t.Errorf("%+v was %+v (%v)", d, row, err)
		}
	}
	if n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestAll(t *testing.T) {
	m, run := small()
	c, err := trail.Open(m, run).All(t.Context(), run.Plan.Stage("dev1"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Rows != 2 || c.Traced != 2 || fmt.Sprint(c.Sources, c.Models) != "map[s3://b/general.jsonl:1 tiny://arithmetic:1] map[zero:1]" {
		t.Errorf("got %+v", c)
	}
	for what, damage := range map[string]func(m *memory){
		"its prompt":          func(m *memory) { m.files["prompts"]["data.jsonl"] = "\n" },
		"does not hold it":    func(m *memory) { m.files["cold"]["data.jsonl"] = "\n" },
		"it was sampled from": func(m *memory) { m.files["zero"]["model.safetensors"] = "others" },
		"has no source":       func(m *memory) { run.Plan.Stages[1].Jobs[0].Params = json.RawMessage("{}") },
	} {
		m, _ := small()
		damage(m)
		c, err := trail.Open(m, run).All(t.Context(), run.Plan.Stage("dev1"))
		if err != nil {
			t.Fatal(err)
		}
		if what == "does not hold it" { // then no input of the next stage does
			what = "names no source"
		}
		if c.Broken != 1 || c.Traced != 1 || len(c.First) != 1 || !strings.Contains(c.First[0], what) {
			t.Errorf("%s: got %+v", what, c)
		}
		_, run = small()
	}
}
