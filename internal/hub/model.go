package hub

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// OpenModel finds the files that make a model at hf://org/name[@revision]: its config, its
// tokenizer, its weights as safetensors and its card and licence, all at the top. Programs
// are left out. Its errors are those of Open, hub-no-model where something is missing, and
// hub-unsafe-weights where the weights are there in other formats alone.
func OpenModel(ctx context.Context, s Settings, address string) (*Dataset, error) {
	a, err := Parse(address)
	if err == nil && strings.HasPrefix(address, Scheme+"datasets/") {
		err = fmt.Errorf("it is a data set's")
	}
	if err == nil && (a.Path != "" || a.Config != "" || a.Split != "") {
		err = fmt.Errorf("a model is the whole of hf://org/name")
	}
	if err != nil {
		return nil, &r1.Error{
			Name: "hub-address-invalid", Detail: fmt.Sprintf("the address %s names no model: %v", address, err),
			Remedy: "give hf://org/name[@revision]",
		}
	}
	a.Model = true
	d, all, _, err := open(ctx, s, a)
	if err != nil {
		return nil, err
	}
	d.Files, err = modelFiles(a, d.client.Endpoint+a.page(), all)
	return d, err
}

// Pinned is the address with the commit that its revision stood for.
func (d *Dataset) Pinned() Address {
	a := d.Address
	a.Revision = d.Commit
	return a
}

// endings of weights that are no safetensors. Reading a pickle may run what it holds.
var otherWeights = []string{".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".gguf", ".onnx"}

func modelFiles(a Address, page string, all []File) ([]File, error) {
	var files []File
	var other string
	config, parts := false, false
	for _, f := range all {
		if strings.Contains(f.Path, "/") {
			continue
		}
		config = config || f.Path == "config.json"
		// The model's own weights: some repositories have them a second time as consolidated.*.
		parts = parts || strings.HasPrefix(f.Path, "model") && strings.HasSuffix(f.Path, ".safetensors")
		if other == "" && slices.Contains(otherWeights, path.Ext(f.Path)) && f.Path != "training_args.bin" {
			other = f.Path
		}
	}
	weights := 0
	for _, f := range all {
		if !ofModel(f.Path) || parts && strings.HasPrefix(f.Path, "consolidated") {
			continue
		}
		files = append(files, f)
		if IsWeights(f.Path) {
			weights++
		}
	}
	switch {
	case weights == 0 && other != "":
		return nil, &r1.Error{
			Name:   "hub-unsafe-weights",
			Detail: fmt.Sprintf("the model %s has no safetensors: its weights are there as %s alone, a format that is not taken (a pickle can run code when it is read)", a.Repo, other),
			Remedy: fmt.Sprintf("name a revision with safetensors, such as one of %s/discussions (@refs/pr/N); or convert it where you trust it (save_pretrained) and adopt the folder", page),
		}
	case weights == 0:
		return nil, &r1.Error{Name: "hub-no-model", Detail: fmt.Sprintf("%s has no weights (*.safetensors) at its top", a.Repo), Remedy: "look at " + page + "/tree/main; a data set is hf://datasets/org/name"}
	case !config:
		return nil, &r1.Error{Name: "hub-no-model", Detail: fmt.Sprintf("%s has no config.json at its top: it may be an adapter", a.Repo), Remedy: "look at " + page + "/tree/main; merge an adapter into its model and adopt the folder"}
	}
	return files, nil
}

// IsWeights says whether a file of a model holds weights.
func IsWeights(p string) bool { return strings.HasSuffix(p, ".safetensors") }

// ofModel says whether a file belongs to a model by its name.
func ofModel(p string) bool {
	switch {
	case strings.Contains(p, "/"), strings.HasPrefix(p, "."):
		return false
	case IsWeights(p), strings.HasSuffix(p, ".safetensors.index.json"), strings.HasSuffix(p, ".tiktoken"), strings.HasSuffix(p, ".jinja"):
		return true
	case strings.HasPrefix(strings.ToUpper(p), "LICEN"), p == cardFile:
		return true
	}
	return slices.Contains([]string{
		"config.json", "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
		"added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "spiece.model", "chat_template.json",
	}, p)
}
