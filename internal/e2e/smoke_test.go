//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/embedded/server"
	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/runs"
	"github.com/r1ctl/r1ctl/internal/trail"
	"github.com/r1ctl/r1ctl/internal/trainerenv"
	"github.com/r1ctl/r1ctl/trainer"
)

// TestEveryStageOfTheRecipe runs the smoke profile of the full recipe to its
// end, loads every model it made, and starts it again.
func TestEveryStageOfTheRecipe(t *testing.T) {
	m := newMachine(t)
	first := decode[runs.Status](t, m.mustRun("start", "full-r1", "--profile", "smoke", "-o", "json"))
	if first.State != r1.RunCompleted {
		t.Fatalf("run %s is %s: %s", first.Run, first.State, first.Error)
	}
	kinds := map[r1.Kind]int{}
	for _, s := range first.Stages {
		kinds[s.Kind]++
		if s.State != r1.RunCompleted || len(s.Outputs) == 0 || s.Attempts == 0 {
			t.Errorf("stage %s: state %s, %d outputs, %d attempts; want it committed with outputs", s.Name, s.State, len(s.Outputs), s.Attempts)
		}
		for _, o := range s.Outputs {
			if o.SHA256 == "" || o.Bytes == 0 || !strings.HasPrefix(o.URI, "s3://r1ctl/full-r1/"+first.Run+"/") {
				t.Errorf("output %s.%s: %+v; want bytes, a digest and a readable address", s.Name, o.Name, o)
			}
		}
	}
	for _, k := range r1.Kinds() {
		if kinds[k] == 0 && k != r1.KindPublish { // no recipe that ships sends anything out
			t.Errorf("the recipe has no stage of kind %s", k)
		}
	}

	t.Run("status works when no engine is up", func(t *testing.T) {
		m.mustRun("server", "stop")
		if again := m.status(first.Run); again.State != r1.RunCompleted || len(again.Stages) != len(first.Stages) {
			t.Errorf("status after a stop: %s with %d stages", again.State, len(again.Stages))
		}
	})
	t.Run("every row that is trained on traces back, and counts add up", func(t *testing.T) { m.traceAll(t, first) })
	t.Run("every model loads and generates", func(t *testing.T) { m.loadModels(t, first) })
	t.Run("a second run reuses every job", func(t *testing.T) {
		second := decode[runs.Status](t, m.mustRun("start", "full-r1", "--profile", "smoke", "-o", "json"))
		for _, s := range second.Stages {
			if !s.Reused || s.Attempts != 0 {
				t.Errorf("stage %s: reused %v, attempts %d; want it reused and nothing run", s.Name, s.Reused, s.Attempts)
			}
		}
	})
	t.Run("the plan stands beside what happened", func(t *testing.T) { planned(t, first) })
	t.Run("a student's learning rate makes that student anew, and its evaluation", func(t *testing.T) { m.otherStudent(t) })
	t.Run("a rebuild that comes out as the same bytes makes nothing else anew", func(t *testing.T) { m.rebuild(t) })
	t.Run("a fork takes what comes before its stage", func(t *testing.T) { m.fork(t, first) })
	t.Run("a model that exists is adopted", func(t *testing.T) { m.adopt(t, first) })
	t.Run("in another state dir nothing runs again", func(t *testing.T) { m.move(t) })
}

// loadScript loads a model as any user of transformers would.
const loadScript = `
import sys, torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
path = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(path)
if "SequenceClassification" in AutoConfig.from_pretrained(path).architectures[0]:
    model = AutoModelForSequenceClassification.from_pretrained(path)
    score = model(**tokenizer("3*4=?", return_tensors="pt")).logits
    assert score.shape == (1, 1) and torch.isfinite(score).all(), score
else:
    model = AutoModelForCausalLM.from_pretrained(path)
    ids = tokenizer.apply_chat_template([{"role": "user", "content": "3*4=?"}], add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = model.generate(**ids, max_new_tokens=4, do_sample=False)
    assert out.shape[1] > ids["input_ids"].shape[1], out.shape
print("ok")
`

func (m *machine) loadModels(t *testing.T, st runs.Status) {
	ctx := context.Background()
	env, ok, err := trainerenv.Find(trainerenv.Options{Source: trainer.Source})
	if err != nil || !ok {
		t.Fatalf("the trainer's environment is not there (%v); run: make setup", err)
	}
	m.mustRun("status") // an engine must be up
	store := m.store()
	var models []string
	for _, s := range st.Stages {
		for _, o := range s.Outputs {
			if o.Type != r1.TypeModel {
				continue
			}
			models = append(models, s.Name+"."+o.Name)
			dir := filepath.Join(t.TempDir(), "model")
			// By listing the readable prefix, as a foreign S3 client does it.
			prefix := strings.TrimPrefix(o.URI, "s3://"+server.Bucket+"/")
			for object, err := range store.List(ctx, strings.TrimSuffix(prefix, "/")+"/") {
				if err != nil {
					t.Fatal(err)
				}
				data, err := store.GetBytes(ctx, object.Key)
				if err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(dir, strings.TrimPrefix(object.Key, prefix))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(env.Python, "-c", loadScript, dir)
			cmd.Env = append(os.Environ(), env.Environ...)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("model %s.%s does not load: %v\n%s", s.Name, o.Name, err, out)
			}
		}
	}
	for _, want := range []string{"base.model", "zero.model", "dev1.model", "dev2.model", "dev3.model", "helpful-rm.model", "safety-rm.model", "r1.model", "distill.student-48", "distill.student-32"} {
		if !slices.Contains(models, want) {
			t.Errorf("the run made no %s, only %v", want, models)
		}
	}
}

// traceAll follows every row that a stage trains on back to a source, and asks for the
// funnels, which are refused where they do not add up.
func (m *machine) traceAll(t *testing.T, st runs.Status) {
	for _, s := range st.Stages {
		if s.Kind != r1.KindSFT && s.Kind != r1.KindDistill && s.Kind != r1.KindRewardModel {
			continue
		}
		c := decode[trail.Coverage](t, m.mustRun("trace", st.Run, s.Name, "--all", "-o", "json"))
		if c.Rows == 0 || c.Traced != c.Rows || c.Broken != 0 {
			t.Errorf("stage %s: %+v", s.Name, c)
		}
		if s.Kind == r1.KindDistill && c.Models["dev2"] == 0 {
			t.Errorf("no row that the students learn from was sampled from dev2: %+v", c)
		}
	}
	type funnel struct {
		Stage string  `json:"stage"`
		Kind  r1.Kind `json:"kind"`
		r1.Funnel
	}
	counted := map[r1.Kind]int{}
	for _, f := range decode[[]funnel](t, m.mustRun("funnel", st.Run, "-o", "json")) {
		counted[f.Kind]++
		if why := f.Problem(); why != "" {
			t.Errorf("stage %s: %s", f.Stage, why)
		}
	}
	for _, kind := range []r1.Kind{r1.KindCurate, r1.KindSample, r1.KindSFT, r1.KindDistill, r1.KindRewardModel} {
		if counted[kind] == 0 {
			t.Errorf("no stage of kind %s counts its rows", kind)
		}
	}
}
