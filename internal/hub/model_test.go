package hub_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/hub"
	"github.com/r1ctl/r1ctl/internal/hub/hubtest"
)

func TestFilesOfAModel(t *testing.T) {
	h := hubtest.New(t, map[string]hubtest.Repo{
		"a/whole": {Model: true, Tags: []string{"v1"}, Files: map[string]string{
			"README.md": licensed, "LICENSE": "x", "config.json": "{}", "generation_config.json": "{}", "tokenizer.json": "{}", "tokenizer_config.json": "{}",
			"model-1.safetensors": "w", "model-2.safetensors": "w", "model.safetensors.index.json": "{}", "consolidated.safetensors": "w",
			"pytorch_model.bin": "w", "modeling_x.py": "import os", "original/params.json": "{}", "onnx/model.onnx": "w", ".gitattributes": "",
		}},
		"a/pickle":  {Model: true, Files: map[string]string{"config.json": "{}", "pytorch_model.bin": "w", "training_args.bin": "w"}},
		"a/gguf":    {Model: true, Files: map[string]string{"config.json": "{}", "q4.gguf": "w"}},
		"a/adapter": {Model: true, Files: map[string]string{"adapter_config.json": "{}", "adapter_model.safetensors": "w"}},
		"a/nothing": {Model: true, Files: map[string]string{"config.json": "{}", "training_args.bin": "w"}},
		"a/shut":    {Model: true, Token: "secret", Gated: true, Files: map[string]string{"README.md": licensed, "config.json": "{}"}},
		"a/rows":    {Files: map[string]string{"train.jsonl": "{}"}},
	})
	s := h.Settings()
	s.Foreground = true
	d, err := hub.OpenModel(t.Context(), s, "hf://a/whole@v1")
	if err != nil {
		t.Fatal(err)
	}
	const want = "LICENSE README.md config.json generation_config.json model-1.safetensors model-2.safetensors model.safetensors.index.json tokenizer.json tokenizer_config.json"
	if got := paths(d); got != want {
		t.Errorf("a model is %s, want %s", got, want)
	}
	if got := d.Pinned().String(); got != "hf://a/whole@"+d.Commit || len(d.Commit) != 40 || d.Licence != "apache-2.0" {
		t.Errorf("pinned %s, licence %q", got, d.Licence)
	}
	for address, want := range map[string][]string{
		"hf://a/pickle":           {"hub-unsafe-weights", "pytorch_model.bin alone", h.URL + "/a/pickle/discussions", "save_pretrained"},
		"hf://a/gguf":             {"hub-unsafe-weights", "q4.gguf"},
		"hf://a/adapter":          {"hub-no-model", "may be an adapter"},
		"hf://a/nothing":          {"hub-no-model", "no weights"},
		"hf://a/shut":             {"hub-gated", "the model a/shut is gated", h.URL + "/a/shut", "give the same command again"},
		"hf://a/rows":             {"hub-not-found", "no model a/rows"},
		"hf://a/whole@v2":         {"hub-revision-not-found", `did you mean "v1"?`},
		"hf://a/whole/x":          {"hub-address-invalid", "the whole of"},
		"hf://datasets/a/rows":    {"hub-address-invalid", "it is a data set's"},
		"hf://a/whole?split=test": {"hub-address-invalid"},
	} {
		_, err := hub.OpenModel(t.Context(), s, address)
		if err == nil {
			t.Errorf("%s was opened", address)
			continue
		}
		wantNamed(t, err, want[0], want[1:]...)
	}
	for status, name := range map[int]string{429: "hub-rate-limited", 503: "hub-unavailable"} {
		h.Fail(status, status, status, status, status, status)
		_, err := hub.OpenModel(t.Context(), s, "hf://a/whole")
		wantNamed(t, hub.Named(err), name, "goes on")
		h.Fail()
	}
	s.Endpoint = "http://127.0.0.1:1"
	_, err = hub.OpenModel(t.Context(), s, "hf://a/whole")
	wantNamed(t, hub.Named(err), "hub-unreachable", "HF_ENDPOINT")
}

// What a call that was cut off left is gone on with, if it is what the commit has.
func TestFetchGoesOn(t *testing.T) {
	text := rows("weights", 3000)
	h := hubtest.New(t, map[string]hubtest.Repo{"a/b": {Model: true, Files: map[string]string{"config.json": "{}", "model.safetensors": text}}})
	d, err := hub.OpenModel(t.Context(), h.Settings(), "hf://a/b")
	if err != nil {
		t.Fatal(err)
	}
	weights := d.Files[len(d.Files)-1]
	for name, c := range map[string]struct {
		left  string // by the call before
		asked string // range that is asked for; "": none
		bad   bool
	}{
		"anew":    {"", "other /" + sha256Of(text), false},
		"in half": {text[:len(text)/2], "bytes=", false},
		"whole":   {text, "", false},
		"other":   {strings.Repeat("x", 100), "bytes=100-", true},
		"longer":  {text + "x", "other /" + sha256Of(text), false},
	} {
		file := filepath.Join(t.TempDir(), "sub", "model.safetensors")
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file+".part", []byte(c.left), 0o600); err != nil {
			t.Fatal(err)
		}
		before, told := len(h.Log()), int64(0)
		err := d.Fetch(t.Context(), weights, file, func(n int64) { told += n })
		if asked := strings.Join(h.Log()[before:], "\n"); !strings.Contains(asked, c.asked) || c.asked == "" && asked != "" {
			t.Errorf("%s: asked for %q, want %q", name, asked, c.asked)
		}
		if c.bad {
			wantNamed(t, err, "hub-digest")
			err = d.Fetch(t.Context(), weights, file, nil) // anew, for nothing of it could be kept
		} else if told != int64(len(text)) {
			t.Errorf("%s: told of %d bytes of %d", name, told, len(text))
		}
		if got, rerr := os.ReadFile(file); err != nil || rerr != nil || string(got) != text {
			t.Errorf("%s: %d bytes of %d, %v, %v", name, len(got), len(text), err, rerr)
		}
	}
}
