package estimate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A Model is what the size of a model bears on.
type Model struct {
	Total  float64 `json:"parameters"` // all of them: what is stored
	Active float64 `json:"active"`     // those that compute a token; less than Total in a mixture of experts
	// Positions is the longest context; 0: not known.
	Positions int64 `json:"positions,omitempty"`
	// Heads are those of attention, which GPUs share evenly; 0: not known.
	Heads int64 `json:"-"`
	// Exact says that the figures are read from the model's own files.
	Exact bool `json:"exact,omitempty"`
	// Source says where the figures come from.
	Source string `json:"source"`
}

// cards are models by address, with figures of their cards and config.json as
// published on the Hugging Face Hub.
var cards = map[string]Model{
	"deepseek-ai/DeepSeek-V3-Base":      {Total: 671e9, Active: 37e9, Positions: 163840, Heads: 128},
	"Qwen/Qwen2.5-Math-1.5B":            {Total: 1.54e9, Positions: 4096, Heads: 12},
	"Qwen/Qwen2.5-Math-7B":              {Total: 7.62e9, Positions: 4096, Heads: 28},
	"Qwen/Qwen2.5-0.5B":                 {Total: 0.49e9, Positions: 32768, Heads: 14},
	"Qwen/Qwen2.5-1.5B":                 {Total: 1.54e9, Positions: 131072, Heads: 12},
	"Qwen/Qwen2.5-7B":                   {Total: 7.62e9, Positions: 131072, Heads: 28},
	"Qwen/Qwen2.5-14B":                  {Total: 14.8e9, Positions: 131072, Heads: 40},
	"Qwen/Qwen2.5-32B":                  {Total: 32.8e9, Positions: 131072, Heads: 40},
	"meta-llama/Llama-3.1-8B":           {Total: 8.03e9, Positions: 131072, Heads: 32},
	"meta-llama/Llama-3.3-70B-Instruct": {Total: 70.6e9, Positions: 131072, Heads: 64},
}

// sizeInName finds 1.5B in Qwen2.5-Math-1.5B, and the active part of 30B-A3B.
var sizeInName = regexp.MustCompile(`(?i)(?:^|[-_])(\d+(?:\.\d+)?)(b|m)(?:-a(\d+(?:\.\d+)?)b)?(?:$|[-_])`)

// OfAddress is the model that an hf:// address names: by its card, else by the
// size that its name says. ok is false where neither says anything.
func OfAddress(address string) (m Model, ok bool) {
	id, found := strings.CutPrefix(address, "hf://")
	if !found {
		return m, false
	}
	id, _, _ = strings.Cut(id, "@")
	if m, ok = cards[id]; ok {
		m.Source = "model card of " + id
		if m.Active == 0 {
			m.Active = m.Total
		}
		return m, true
	}
	hit := sizeInName.FindStringSubmatch(id[strings.Index(id, "/")+1:])
	if hit == nil {
		return m, false
	}
	unit := 1e9
	if strings.EqualFold(hit[2], "m") {
		unit = 1e6
	}
	n, _ := strconv.ParseFloat(hit[1], 64) // the pattern is that of a number
	m = Model{Total: n * unit, Active: n * unit, Source: "the size in the name " + id}
	if hit[3] != "" {
		n, _ = strconv.ParseFloat(hit[3], 64)
		m.Active = n * 1e9
	}
	return m, true
}

// A Shape is the part of a config.json that gives a dense model its size.
type Shape struct {
	Hidden       int64 `json:"hidden_size"`
	Layers       int64 `json:"num_hidden_layers"`
	Heads        int64 `json:"num_attention_heads"`
	KeyHeads     int64 `json:"num_key_value_heads"`
	Intermediate int64 `json:"intermediate_size"`
	Vocabulary   int64 `json:"vocab_size"`
	Positions    int64 `json:"max_position_embeddings"`
	Tied         bool  `json:"tie_word_embeddings"`
	Experts      int64 `json:"num_experts"`
	Routed       int64 `json:"n_routed_experts"`
}

// OfConfig counts the parameters of a dense Llama-like model from its config.json: embeddings,
// and per layer attention 2d² + 2d·kv, a gated feed-forward 3·d·ff and two norms. ok is false for a
// mixture of experts, or where a figure is missing.
func OfConfig(raw []byte, source string) (m Model, ok bool) {
	var s Shape
	if json.Unmarshal(raw, &s) != nil || s.Hidden*s.Layers*s.Heads*s.Intermediate*s.Vocabulary == 0 || s.Experts+s.Routed > 0 {
		return m, false
	}
	return OfShape(s, source), true
}

// OfShape counts the parameters of a shape.
func OfShape(s Shape, source string) Model {
	if s.KeyHeads == 0 {
		s.KeyHeads = s.Heads
	}
	keys := s.Hidden / max(1, s.Heads) * s.KeyHeads
	layer := 2*s.Hidden*s.Hidden + 2*s.Hidden*keys + 3*s.Hidden*s.Intermediate + 2*s.Hidden
	total := s.Layers*layer + s.Vocabulary*s.Hidden + s.Hidden
	if !s.Tied {
		total += s.Vocabulary * s.Hidden
	}
	return Model{Total: float64(total), Active: float64(total), Positions: s.Positions, Heads: s.Heads, Exact: true, Source: source}
}

// OfFolder is the model in a local folder, by its config.json.
func OfFolder(dir string) (Model, bool) {
	raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		return Model{}, false // the plan says what is missing
	}
	return OfConfig(raw, filepath.Join(dir, "config.json"))
}
