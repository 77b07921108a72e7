package adopt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// folder writes files and reads them as one would adopt them.
func folder(t *testing.T, files map[string]string) *Folder {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Local(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func model(change func(map[string]string)) map[string]string {
	files := map[string]string{
		"config.json": `{"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}`, "model.safetensors": "weights", "tokenizer.json": "{}",
		"tokenizer_config.json": `{"chat_template": "…"}`, "generation_config.json": "{}",
	}
	if change != nil {
		change(files)
	}
	return files
}

func TestModelsThatAreAdopted(t *testing.T) {
	reward := `{"model_type": "qwen2", "architectures": ["Qwen2ForSequenceClassification"]}`
	index := `{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}`
	for name, c := range map[string]struct {
		files  map[string]string
		reward bool
		want   string // in the refusal; "" adopts it
		doubts int
	}{
		"whole":           {model(nil), false, "", 0},
		"no config":       {model(func(f map[string]string) { delete(f, "config.json") }), false, "no config.json", 0},
		"another config":  {model(func(f map[string]string) { f["config.json"] = `{}` }), false, "model_type is missing", 0},
		"no weights":      {model(func(f map[string]string) { delete(f, "model.safetensors") }), false, "no weights", 0},
		"no tokenizer":    {model(func(f map[string]string) { delete(f, "tokenizer.json") }), false, "no tokenizer", 0},
		"a lost part":     {model(func(f map[string]string) { f["model.safetensors.index.json"], f["model-1.safetensors"] = index, "x" }), false, "names model-2.safetensors", 0},
		"a classifier":    {model(func(f map[string]string) { f["config.json"] = reward }), false, "it is a classifier", 0},
		"a reward model":  {model(func(f map[string]string) { f["config.json"] = reward }), true, "", 0},
		"no reward model": {model(nil), true, "it is no reward model", 0},
		"no template, no end token": {model(func(f map[string]string) {
			f["tokenizer_config.json"] = "{}"
			delete(f, "generation_config.json")
		}), false, "", 2},
	} {
		f := folder(t, c.files)
		_, doubts, err := Contract{Type: r1.TypeModel, Reward: c.reward}.check(t.Context(), f)
		switch {
		case c.want == "" && (err != nil || len(doubts) != c.doubts):
			t.Errorf("%s: %v, doubts %q", name, err, doubts)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestRowsThatAreAdopted(t *testing.T) {
	const row = `{"prompt": "1+1?", "response": "2"}` + "\n"
	for name, c := range map[string]struct {
		files map[string]string
		rows  int
		want  string
	}{
		"whole":        {map[string]string{"a.jsonl": row + row, "b.jsonl": row, "README.md": "x"}, 3, ""},
		"a lost field": {map[string]string{"a.jsonl": row + `{"prompt": "1+1?"}` + "\n"}, 0, `a.jsonl:2 lacks the field "response", which dev1 needs`},
		"no JSON":      {map[string]string{"a.jsonl": row + "\nrow\n"}, 0, "a.jsonl:3 is no JSON object"},
		"no rows":      {map[string]string{"a.jsonl": "\n"}, 0, "no rows"},
		"no files":     {map[string]string{"rows.parquet": "x"}, 0, "no *.jsonl files"},
	} {
		rows, _, err := Contract{Type: r1.TypeDataset, Fields: []string{"prompt", "response"}, Readers: []string{"dev1"}}.check(t.Context(), folder(t, c.files))
		if rows != c.rows || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d rows, %v; want %d, %q", name, rows, err, c.rows, c.want)
		}
	}
	if _, _, err := (Contract{Type: r1.TypeReport}).check(t.Context(), folder(t, nil)); err == nil {
		t.Error("a report is adopted")
	}
	if _, err := Local(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a folder that is not there is read")
	}
}

// What is asked of rows is what the stages need that read them.
func TestContractOfAnOutput(t *testing.T) {
	data := r1.OutputRef{Stage: "rows", Job: "main", Output: "data"}
	job := func(stage string, kind r1.Kind, params string) r1.PlannedStage {
		return r1.PlannedStage{Name: stage, Kind: kind, Jobs: []r1.PlannedJob{{Stage: stage, Name: "main", Kind: kind, Params: []byte(params), Inputs: map[string]r1.OutputRef{"data": data}}}}
	}
	plan := &r1.Plan{Stages: []r1.PlannedStage{job("rm", r1.KindRewardModel, `{"loss": "pairwise"}`), job("dev1", r1.KindSFT, `{}`), job("mix", r1.KindCurate, `{}`)}}
	c := ContractOf(plan, data, r1.KindCurate, r1.TypeDataset)
	if got := strings.Join(c.Fields, " "); got != "chosen prompt rejected response" || len(c.Readers) != 3 {
		t.Errorf("fields %s, readers %v", got, c.Readers)
	}
	if c := ContractOf(plan, data, r1.KindRewardModel, r1.TypeModel); !c.Reward {
		t.Error("a reward model is not asked for")
	}
}
