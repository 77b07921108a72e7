package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/chat/scripted"
	"github.com/r1ctl/r1ctl/internal/config"
)

// The endpoint and its key are those of the settings; a second curation asks for nothing.
func TestCurateBySimilarity(t *testing.T) {
	server := scripted.NewEmbeddings(t, func(text string) []float32 {
		if strings.Contains(text, "+") || strings.Contains(text, "plus") {
			return []float32{1, 0.1}
		}
		return []float32{0, 1}
	}, func(r scripted.EmbeddingRequest) scripted.Reply {
		if r.Key != "Bearer k3y-of-the-test" {
			return scripted.Error(401, "", "who are you?")
		}
		return scripted.Reply{}
	})
	const step = "datasets: {eval: eval.jsonl}\nsteps:\n  - {filter: similar, against: eval, endpoint: %, model: scripted}\n"
	dir := curateFiles(t, map[string]string{
		"c.yaml": strings.ReplaceAll(step, "%", "vectors"), "typo.yaml": strings.ReplaceAll(step, "%", "vector"),
		"rows.jsonl": "{\"prompt\": \"one plus one?\"}\n{\"prompt\": \"the capital of France?\"}\n", "eval.jsonl": `{"prompt": "1+1?"}`,
	})
	at := func(name string) string { return filepath.Join(dir, name) }
	t.Setenv(config.EndpointsEnv, config.FormatEndpoint("vectors", config.Endpoint{URL: server.URL, KeyEnv: "SCRIPTED_VECTORS_KEY"}))
	curate := func(config, out string) (string, string, int) {
		return call(t, "--state-dir", at("state"), "curate", at(config), at("rows.jsonl"), "-o", at(out))
	}
	if _, errs, code := curate("c.yaml", "early"); code == exitOK || !strings.Contains(errs, "SCRIPTED_VECTORS_KEY") {
		t.Errorf("without a key: %d %s", code, errs)
	}
	t.Setenv("SCRIPTED_VECTORS_KEY", "k3y-of-the-test")
	for _, out := range []string{"clean", "again"} {
		text, errs, code := curate("c.yaml", out)
		if code != exitOK || !strings.Contains(text, "similar") || !strings.Contains(text, "texts, by scripted") || strings.Contains(text+errs, "k3y") {
			t.Fatalf("%d: %s%s", code, text, errs)
		}
		if drops := read(t, at(out+"/dropped.jsonl")); !strings.Contains(drops, `"like":{"cosine":1,"dataset":"eval","prompt":"1+1?"}`) {
			t.Error(drops)
		}
		if rows := read(t, at(out+"/data.jsonl")); !strings.Contains(rows, "France") || strings.Contains(rows, "plus") {
			t.Error(rows)
		}
	}
	if read(t, at("clean/data.jsonl")) != read(t, at("again/data.jsonl")) || read(t, at("clean/funnel.json")) != read(t, at("again/funnel.json")) || server.Count() != 2 {
		t.Errorf("the second curation is another, or asked: %d requests", server.Count())
	}
	if _, errs, code := curate("typo.yaml", "no"); code == exitOK || !strings.Contains(errs, `did you mean "vectors"?`) {
		t.Errorf("an unknown endpoint: %d %s", code, errs)
	}
}
