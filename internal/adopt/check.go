package adopt

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// Contract is what the plan asks of an output.
type Contract struct {
	Type   r1.ArtifactType
	Reward bool // a model with one logit, and no language model
	// Fields are those that the stages which read the rows need of each.
	Fields []string
	// Readers names these stages, for people.
	Readers []string
}

// ContractOf reads from a plan what is asked of an output.
func ContractOf(plan *r1.Plan, ref r1.OutputRef, kind r1.Kind, t r1.ArtifactType) Contract {
	c := Contract{Type: t, Reward: kind == r1.KindRewardModel}
	for _, s := range plan.Stages {
		for i := range s.Jobs {
			for name, from := range s.Jobs[i].Inputs {
				if from != ref {
					continue
				}
				if !slices.Contains(c.Readers, s.Name) {
					c.Readers = append(c.Readers, s.Name)
				}
				for _, field := range fields(&s.Jobs[i], name) {
					if !slices.Contains(c.Fields, field) {
						c.Fields = append(c.Fields, field)
					}
				}
			}
		}
	}
	slices.Sort(c.Fields)
	return c
}

// fields are those of docs/job-contract.md that a job cannot do without, of the rows of an input.
func fields(j *r1.PlannedJob, input string) []string {
	switch j.Kind {
	case r1.KindSFT, r1.KindDistill:
		if input == "data" {
			return []string{"prompt", "response"}
		}
	case r1.KindRewardModel:
		var p struct {
			Loss string `json:"loss"`
		}
		if input == "data" && json.Unmarshal(j.Params, &p) == nil && p.Loss == "pairwise" {
			return []string{"prompt", "chosen", "rejected"}
		} else if input == "data" {
			return []string{"prompt", "response", "safe"}
		}
	case r1.KindGRPO, r1.KindSample, r1.KindEvaluate:
		if input == "prompts" || input == "problems" {
			return []string{"prompt", "domain"}
		}
	case r1.KindBase:
		return []string{"text"}
	}
	return nil // a curate stage says itself which rows it cannot read
}

// check reads a folder and says how many rows it holds (of a data set), and what a person
// should know besides. What cannot be the output is the r1.Error adopt-refused.
func (c Contract) check(ctx context.Context, f *Folder) (rows int, doubts []string, err error) {
	switch c.Type {
	case r1.TypeModel:
		doubts, err = c.model(ctx, f)
	case r1.TypeDataset:
		rows, err = c.rows(ctx, f)
	default:
		err = refused(f, "only models and data sets can be adopted, and this output is a "+string(c.Type), "leave it to the stage")
	}
	return rows, doubts, err
}

func refused(f *Folder, why, remedy string) error {
	return &r1.Error{Name: "adopt-refused", Detail: fmt.Sprintf("%s cannot be adopted: %s", f.Address, why), Remedy: remedy}
}

// whole is what a model folder must hold.
const whole = "give a folder as save_pretrained writes it: config.json, *.safetensors, and the tokenizer's files"

func (c Contract) model(ctx context.Context, f *Folder) (doubts []string, err error) {
	raw, err := f.read(ctx, "config.json")
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, refused(f, "it has no config.json", whole)
	}
	var config struct {
		Architectures []string `json:"architectures"`
		Type          string   `json:"model_type"`
	}
	if err := json.Unmarshal(raw, &config); err != nil || config.Type == "" {
		return nil, refused(f, "its config.json is not that of a model: model_type is missing", whole)
	}
	made := strings.Join(config.Architectures, ", ")
	switch classifies := strings.Contains(made, "SequenceClassification"); {
	case made == "":
		doubts = append(doubts, "config.json names no architectures: whether it is a language model or a reward model was not checked")
	case classifies && !c.Reward:
		return nil, refused(f, fmt.Sprintf("it is a classifier (%s), and a language model is needed", made), "give the folder of a causal language model")
	case !classifies && c.Reward:
		return nil, refused(f, fmt.Sprintf("it is no reward model (%s)", made), "give the folder of a sequence classifier with one logit")
	}
	if err := weights(ctx, f); err != nil {
		return nil, err
	}
	if !f.has("tokenizer.json") && !f.has("tokenizer.model") && !f.has("vocab.json") {
		return nil, refused(f, "it has no tokenizer (tokenizer.json, tokenizer.model or vocab.json)", whole)
	}
	said, err := f.read(ctx, "tokenizer_config.json")
	if err != nil {
		return nil, err
	}
	if !f.has("chat_template.jinja") && !strings.Contains(string(said), "chat_template") {
		doubts = append(doubts, "its tokenizer has no chat template: a stage whose template is chat will fail")
	}
	if !f.has("generation_config.json") {
		doubts = append(doubts, "it has no generation_config.json, so its end token is the tokenizer's")
	}
	return doubts, nil
}

// weights makes sure that all of them are there: an index names its parts.
func weights(ctx context.Context, f *Folder) error {
	found := len(f.named(".safetensors")) + len(f.named(".bin"))
	for _, index := range append(f.named(".safetensors.index.json"), f.named(".bin.index.json")...) {
		raw, err := f.read(ctx, index.Path)
		if err != nil {
			return err
		}
		var parts struct {
			Map map[string]string `json:"weight_map"`
		}
		if err := json.Unmarshal(raw, &parts); err != nil {
			return refused(f, index.Path+" is no index of weights", whole)
		}
		for _, file := range slices.Compact(slices.Sorted(maps.Values(parts.Map))) {
			if !f.has(file) {
				return refused(f, fmt.Sprintf("%s names %s, which is not there", index.Path, file), "fetch all parts of the weights")
			}
		}
	}
	if found == 0 {
		return refused(f, "it has no weights (*.safetensors)", whole)
	}
	return nil
}

// longest is how many bytes a row may have.
const longest = 64 << 20

// rows reads every row.
func (c Contract) rows(ctx context.Context, f *Folder) (int, error) {
	files := f.named(".jsonl")
	if len(files) == 0 {
		return 0, refused(f, "it has no *.jsonl files", "write rows as JSON lines, or read the data by a curate stage's sources, which knows other formats")
	}
	total := 0
	for _, e := range files {
		in, err := f.open(ctx, e)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", e.Path, err)
		}
		n, err := c.file(f, e.Path, in)
		in.Close()
		if err != nil {
			return 0, err
		}
		total += n
	}
	if total == 0 {
		return 0, refused(f, "it holds no rows", "see what should have written them")
	}
	return total, nil
}

func (c Contract) file(f *Folder, name string, in io.Reader) (int, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), longest)
	n := 0
	for at := 1; lines.Scan(); at++ {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var row map[string]json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return 0, refused(f, fmt.Sprintf("%s:%d is no JSON object", name, at), "mend or remove the line")
		}
		for _, field := range c.Fields {
			if v, ok := row[field]; !ok || string(v) == "null" {
				return 0, refused(f, fmt.Sprintf("%s:%d lacks the field %q, which %s needs", name, at, field, strings.Join(c.Readers, ", ")),
					"give rows as docs/job-contract.md describes them")
			}
		}
		n++
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	return n, nil
}
