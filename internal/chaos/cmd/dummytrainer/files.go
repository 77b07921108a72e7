package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

const (
	stateFile  = "state.json"
	weightFile = "model.safetensors"
	weights    = 96 << 10 // bytes: enough for an upload to be caught in its midst
)

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// noise is n bytes that depend on a digest only.
func noise(of string, n int) []byte {
	out := make([]byte, n)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(of))).Read(out) // never fails
	return out
}

// digestInputs reads every byte of the inputs: what was damaged on its way is seen in the outputs.
func digestInputs(inputs map[string]r1.JobFileInput) (string, error) {
	h := sha256.New()
	for _, input := range slices.Sorted(maps.Keys(inputs)) {
		root := inputs[input].Path
		err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			raw, err := os.ReadFile(file)
			rel, _ := filepath.Rel(root, file)
			fmt.Fprintf(h, "%s\x00%s\x00%d\x00", input, rel, len(raw))
			_, _ = h.Write(raw)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("read the input %s: %w", input, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readRows reads the rows of the input dataset, if there is one.
func (t *trainer) readRows() ([]map[string]any, error) {
	var rows []map[string]any
	for _, input := range slices.Sorted(maps.Keys(t.job.Inputs)) {
		if t.job.Inputs[input].Type != r1.TypeDataset {
			continue
		}
		files, err := filepath.Glob(filepath.Join(t.job.Inputs[input].Path, "*.jsonl"))
		if err != nil {
			return nil, fmt.Errorf("list the input %s: %w", input, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("read the input %s: %w", input, err)
			}
			for line := range bytes.Lines(raw) {
				var row map[string]any
				if err := json.Unmarshal(line, &row); err != nil {
					return nil, fmt.Errorf("read the input %s: %w", input, err)
				}
				rows = append(rows, row)
			}
		}
	}
	return rows, nil
}

// save writes a checkpoint of the step it is at; COMPLETE comes last.
func (t *trainer) save() error { return t.saveAs(nil) }

// saveAs lets spoil change the files after COMPLETE was made up, and before it is written.
func (t *trainer) saveAs(spoil func(dir string) error) error {
	dir := filepath.Join(t.job.Checkpoints, fmt.Sprintf("step-%d", t.state.Step))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save a checkpoint: %w", err)
	}
	raw, err := json.Marshal(t.state)
	if err != nil {
		return fmt.Errorf("save a checkpoint: %w", err)
	}
	marker := r1.CompleteMarker{Step: t.state.Step}
	for file, content := range map[string][]byte{stateFile: raw, weightFile: noise(t.state.Digest, weights)} {
		if err := replace(filepath.Join(dir, file), content); err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		marker.Files = append(marker.Files, struct {
			Path   string `json:"path"`
			Size   int64  `json:"size"`
			SHA256 string `json:"sha256"`
		}{file, int64(len(content)), hex.EncodeToString(sum[:])})
	}
	if spoil != nil {
		if err := spoil(dir); err != nil {
			return err
		}
	}
	complete, err := json.Marshal(marker)
	if err != nil {
		return fmt.Errorf("save a checkpoint: %w", err)
	}
	return replace(filepath.Join(dir, r1.CompleteFile), complete)
}

// write fills the outputs.
func (t *trainer) write() error {
	for _, output := range slices.Sorted(maps.Keys(t.job.Outputs)) {
		o := t.job.Outputs[output]
		if err := os.MkdirAll(o.Path, 0o755); err != nil {
			return fmt.Errorf("write the output %s: %w", output, err)
		}
		for file, content := range t.output(output, o.Type) {
			if err := replace(filepath.Join(o.Path, file), content); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *trainer) output(output string, of r1.ArtifactType) map[string][]byte {
	body := noise(digest(t.state.Digest, output), weights)
	switch of {
	case r1.TypeDataset:
		return map[string][]byte{"data.jsonl": t.responses()}
	case r1.TypeReport:
		return map[string][]byte{
			"metrics.json":  []byte(`{"values": {"pass@1": 0.5, "k": 1, "problems": 48}, "domains": {}}` + "\n"),
			"samples.jsonl": t.responses(),
		}
	case r1.TypeModel:
		return map[string][]byte{"config.json": []byte(`{"model_type": "scripted"}` + "\n"), weightFile: body}
	}
	return map[string][]byte{"state.bin": body}
}

// responses are right ones, as a sample job stores them.
func (t *trainer) responses() []byte {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	enc := json.NewEncoder(w)
	for i, problem := range t.rows {
		for n := range max(1, t.params.SamplesPerPrompt) {
			row := maps.Clone(problem)
			row["sample"], row["finish"], row["tokens"] = n, "stop", 12+n
			row["response"] = fmt.Sprintf("<think>%d.%d %.8s</think><answer>%v</answer>", i, n, t.state.Digest, problem["gold"])
			row["verdict"] = map[string]any{"label": r1.Correct, "answer": problem["gold"], "verifier": "scripted/1"}
			row["rewards"] = map[string]any{"accuracy": 1}
			_ = enc.Encode(row) // into memory
		}
	}
	_ = w.Flush() // into memory
	return out.Bytes()
}
