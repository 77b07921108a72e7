package curate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/r1ctl/r1ctl/internal/lacking"
)

// With compat: open-r1 the rows that are dropped are those that a plain Python
// script with that rule drops.
func TestTheSameRowsAsOpenR1(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		lacking.Skip(t, "no python3 on the PATH")
	}
	rnd := rand.New(rand.NewPCG(9, 10))
	words := []string{"Sum", "sum", "x+1", "İ", "ΑΣ", "ας", "ασ", "三个", "(a)", "É"}
	spaces := []string{" ", " ", "\n", "\t ", "\u00a0", "\x1c", "\u2003", "\u200b"}
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(words[rnd.IntN(len(words))] + spaces[rnd.IntN(len(spaces))])
		}
		return b.String()
	}
	var eval, rows []string
	var prompts []string
	for i := range 60 {
		prompts = append(prompts, text(4+rnd.IntN(24)))
		eval = append(eval, string(encode(map[string]any{"id": fmt.Sprint("e", i), "prompt": prompts[i]})))
	}
	for i := range 400 {
		prompt := text(rnd.IntN(30))
		if i%4 == 0 { // a part of one of them, in other spaces and letters
			part := strings.Fields(prompts[rnd.IntN(len(prompts))])
			prompt += strings.ToUpper(strings.Join(part[rnd.IntN(max(1, len(part)-6)):], spaces[rnd.IntN(5)])) + text(3)
		}
		rows = append(rows, string(encode(map[string]any{"id": fmt.Sprint("r", i), "prompt": prompt + "."})))
	}
	dir := t.TempDir()
	for name, list := range map[string][]string{"eval.jsonl": eval, "rows.jsonl": rows} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(list, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(python, "bench/openr1.py", "file", filepath.Join(dir, "eval.jsonl"), filepath.Join(dir, "rows.jsonl"), filepath.Join(dir, "kept"), "2").Output()
	if err != nil {
		t.Fatal(err)
	}
	var theirs struct{ Dropped []string }
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	res, err := run(t, Job{
		Params:   steps(`{"do":"decontaminate","against":"eval","ngram":8,"compat":"open-r1"}`),
		Inputs:   map[string]Source{"rows": lines(rows...)},
		Compared: map[string]Source{"eval": lines(eval...)},
	})
	if err != nil {
		t.Fatal(err)
	}
	var ours []string
	for _, d := range res.drops {
		ours = append(ours, d.ID)
	}
	slices.Sort(ours)
	slices.Sort(theirs.Dropped)
	if len(ours) < 10 || len(ours) > 300 || !slices.Equal(ours, theirs.Dropped) {
		t.Errorf("dropped %q\nPython %q", ours, theirs.Dropped)
	}
}
