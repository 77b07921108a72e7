package lint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/lint"
	"github.com/r1ctl/r1ctl/recipes"
)

// Fields are those that rows have once columns and fixed values are applied.
func TestFieldsOfAMappedSource(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name)
	}
	write("rows.jsonl", `{"chat":[{"content":"1+1?"}],"solution":"<think>two</think>2"}`+"\n")
	for columns, want := range map[string]int{
		"{prompt: chat.0.content, response: solution}": 0,
		"{prompt: chat.0.content}":                     1, // no response
		"{response: solution}":                         0, // what lacks a prompt is told when it is read
	} {
		file := write("r.yaml", "recipe: r\nseed: 1\nstages:\n  - name: rows\n    kind: curate\n    params: {sources: [{name: a, address: rows.jsonl, columns: "+columns+
			", domain: math}], steps: [{do: format, style: think}, {do: cap, by_domain: {math: 3}}]}\n")
		r, err := recipes.Load(file, recipes.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, f := range lint.Check(r, facts()) {
			if f.Rule == "columns" && strings.Contains(f.Text, "no response") {
				found++
			} else {
				t.Errorf("%s: %s: %s", columns, f.Rule, f.Text)
			}
		}
		if found != want {
			t.Errorf("%s: %d rows lack a response, want %d", columns, found, want)
		}
	}
}
