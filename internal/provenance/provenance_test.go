package provenance

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	intoto "github.com/in-toto/attestation/go/v1"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// objects is a store in memory.
type objects map[string]any

func (o objects) GetJSON(_ context.Context, key string, v any) error {
	x, ok := o[key]
	if !ok {
		return r1.ErrNotFound
	}
	raw, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

func (o objects) FindCommit(ctx context.Context, l r1.Layout, key r1.JobKey) (r1.Commit, error) {
	var c r1.Commit
	return c, o.GetJSON(ctx, l.Commit(key), &c)
}

func (o objects) Manifest(ctx context.Context, a r1.Artifact) (r1.Manifest, error) {
	var m r1.Manifest
	return m, o.GetJSON(ctx, a.Prefix+"/"+r1.ManifestFile, &m)
}

var began = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func digest(c string) string { return strings.Repeat(c, 64) }

// bees is a run: honey is filtered from flowers of an earlier run, mead is tuned on
// honey, and exam measures it.
func bees() (objects, *r1.Run) {
	o := objects{}
	stage := func(name string, kind r1.Kind, inputs map[string]string, output string) r1.PlannedStage {
		job := r1.PlannedJob{Stage: name, Name: r1.MainJob, Kind: kind, Seed: 7, Params: json.RawMessage(`{"learning_rate":0.001}`), Inputs: map[string]r1.OutputRef{}}
		for in, from := range inputs {
			s, out, _ := strings.Cut(from, ".")
			job.Inputs[in] = r1.OutputRef{Stage: s, Job: r1.MainJob, Output: out}
		}
		return r1.PlannedStage{Name: name, Kind: kind, Title: "Stage " + name, Jobs: []r1.PlannedJob{job},
			Outputs: map[string]r1.OutputRef{output: {Stage: name, Job: r1.MainJob, Output: output}}}
	}
	run := &r1.Run{ID: "bees-2", Recipe: "bees", Profile: "small", RecipeYAML: "recipe: bees\n", Plan: r1.Plan{Stages: []r1.PlannedStage{
		stage("flowers", r1.KindSample, nil, "samples"),
		stage("honey", r1.KindCurate, map[string]string{"samples": "flowers.samples"}, "data"),
		stage("mead", r1.KindSFT, map[string]string{"data": "honey.data"}, "model"),
		stage("exam", r1.KindEvaluate, map[string]string{"model": "mead.model"}, "report"),
	}}}
	l := r1.Layout{Recipe: "bees", Run: "bees-2"}
	commit := func(l r1.Layout, stage, output, sum string, c r1.Commit) {
		c.Key, c.Fingerprint = r1.JobKey{Run: l.Run, Stage: stage, Job: r1.MainJob}, digest("f")
		c.Outputs = map[string]r1.Artifact{output: {Name: stage + "." + output, URI: "s3://b/" + stage, Prefix: "bees/" + stage, SHA256: digest(sum), Type: r1.TypeModel}}
		c.Started, c.Ended = began, began.Add(90*time.Second)
		o[l.Commit(c.Key)] = c
	}
	first := r1.JobKey{Run: "bees-1", Stage: "flowers", Job: r1.MainJob}
	o[r1.RunIndex("bees-1")] = map[string]string{"recipe": "bees"}
	commit(r1.Layout{Recipe: "bees", Run: "bees-1"}, "flowers", "samples", "1", r1.Commit{Attempt: 3})
	commit(l, "flowers", "samples", "1", r1.Commit{ReusedFrom: &first})
	commit(l, "honey", "data", "2", r1.Commit{Attempt: 1, Funnel: &r1.Funnel{In: 100, Kept: 60, Dropped: []r1.FunnelCount{{Name: "correct", Reason: "wrong", Rows: 40}}}})
	commit(l, "mead", "model", "3", r1.Commit{Attempt: 2, Steps: 20, Made: &r1.Made{By: &r1.Maker{R1ctl: "v1", Lock: digest("e"), Trainer: "abc", Versions: map[string]string{"torch": "2.9"}}}})
	commit(l, "exam", "report", "4", r1.Commit{Attempt: 1, Metrics: map[string]float64{"pass@1": 0.625}})
	o["bees/mead/"+r1.ManifestFile] = r1.Manifest{Files: []r1.ManifestEntry{{Path: "config.json", SHA256: digest("a")}, {Path: "model.safetensors", SHA256: digest("b")}}}
	return o, run
}

func collect(t *testing.T) *Record {
	t.Helper()
	o, run := bees()
	r, err := Collect(t.Context(), o, run, run.Plan.Stages[2].Outputs["model"])
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestTheWayBackIsWhole(t *testing.T) {
	r := collect(t)
	if len(r.Behind) != 2 || r.Behind[0].Stage != "flowers" || r.Behind[1].Stage != "honey" || r.Stage != "mead" {
		t.Fatalf("%+v", r)
	}
	if r.Behind[0].Run != "bees-1" || r.Behind[0].Attempt != 3 {
		t.Errorf("who made what was reused: %+v", r.Behind[0])
	}
	if r.Inputs[0].SHA256 != digest("2") || r.Inputs[0].From != "honey.data" || r.Seed != 7 || r.Attempt != 2 {
		t.Errorf("%+v", r.Step)
	}
	if len(r.Measured) != 1 || r.Measured[0].Metrics["pass@1"] != 0.625 {
		t.Errorf("measured %+v", r.Measured)
	}
}

func TestStatementIsValidAndTheSameEachTime(t *testing.T) {
	raw, err := collect(t).Statement()
	if err != nil {
		t.Fatal(err)
	}
	var st intoto.Statement
	if err := protojson.Unmarshal(raw, &st); err != nil {
		t.Fatal(err)
	}
	if err := st.Validate(); err != nil {
		t.Error(err)
	}
	if len(st.Subject) != 2 || st.Subject[1].Digest["sha256"] != digest("b") || st.PredicateType != "https://slsa.dev/provenance/v1" {
		t.Errorf("%v", &st)
	}
	for _, want := range []string{digest("2"), digest("e"), digest("f"), "bees-2/mead/main/2", "2026-03-01T10:01:30Z", `"seed": 7`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the statement lacks %s", want)
		}
	}
	if again, err := collect(t).Statement(); err != nil || string(again) != string(raw) {
		t.Errorf("it differs from time to time (%v)", err)
	}
}

func TestCardTellsWhatThereIs(t *testing.T) {
	raw, err := collect(t).Card(CardOptions{License: "mit"})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(string(raw), "---\n", 3)
	var front struct {
		License string   `yaml:"license"`
		Library string   `yaml:"library_name"`
		Tags    []string `yaml:"tags"`
	}
	if err := yaml.Unmarshal([]byte(parts[1]), &front); err != nil || front.License != "mit" || front.Library != "transformers" || len(front.Tags) != 2 {
		t.Errorf("front matter %+v, %v", front, err)
	}
	for _, want := range []string{"| exam | pass@1 | 0.625 |", "100 rows in, 60 kept; 40 dropped by correct wrong", "requirements.lock sha256 `" + digest("e"),
		"| mead | sft | Stage mead | data: `honey.data` (`222222222222`) | 20 | 1m30s |", `"learning_rate": 0.001`, "| torch | 2.9 |"} {
		if !strings.Contains(parts[2], want) {
			t.Errorf("the card lacks %q:\n%s", want, parts[2])
		}
	}
}

func TestWhatIsNotCommittedHasNoProvenance(t *testing.T) {
	o, run := bees()
	delete(o, r1.Layout{Recipe: "bees", Run: "bees-2"}.Commit(r1.JobKey{Run: "bees-2", Stage: "honey", Job: r1.MainJob}))
	if _, err := Collect(t.Context(), o, run, run.Plan.Stages[2].Outputs["model"]); err == nil {
		t.Error("a gap in the way back was passed over")
	}
}
